/** Bounds how many phases of `run` the journal has, since a tier may have one for each job: ten a second are written, the others counted. */

/** phases a second */
const perSecond = 10;
const windowMs = 1000;

export class RunPhases {
  #windowAt = Number.NEGATIVE_INFINITY;
  #written = 0;
  #counted = 0;
  /** phases under way that are counted only, by name */
  readonly #unwritten = new Map<string, number>();

  /** Whether the beginning of a phase is written. */
  begins(phase: string, now: number): boolean {
    if (now - this.#windowAt >= windowMs) {
      this.#windowAt = now;
      this.#written = 0;
    }
    if (this.#written < perSecond) {
      this.#written += 1;
      return true;
    }
    this.#counted += 1;
    this.#unwritten.set(phase, (this.#unwritten.get(phase) ?? 0) + 1);
    return false;
  }

  /** Whether the end of a phase is written: exactly if its beginning was. */
  ends(phase: string): boolean {
    const unwritten = this.#unwritten.get(phase) ?? 0;
    if (unwritten === 0) return true;
    if (unwritten === 1) this.#unwritten.delete(phase);
    else this.#unwritten.set(phase, unwritten - 1);
    return false;
  }

  /** How many were counted since the last call. */
  take(): number {
    const counted = this.#counted;
    this.#counted = 0;
    return counted;
  }
}
