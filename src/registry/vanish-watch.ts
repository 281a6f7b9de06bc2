/** Noticing that most of a fleet expired within a short time. */

export interface Expiries {
  /** how many expired just now */
  readonly ended: number;
  /** how many are left */
  readonly remaining: number;
  /** ms on a monotonic clock */
  readonly now: number;
}

export class VanishWatch {
  readonly #windowMs: number;
  /** the times of the expiries within the window */
  #ends: readonly number[] = [];
  #remaining = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  note({ ended, remaining, now }: Expiries): void {
    this.#ends = [...this.#ends.filter((at) => at > now - this.#windowMs), ...Array<number>(ended).fill(now)];
    this.#remaining = remaining;
  }

  /** How many expired within the window, as long as they are more than half of what was known, and more than one; else 0. */
  get vanished(): number {
    const { length } = this.#ends;
    return length > 1 && length > this.#remaining ? length : 0;
  }
}
