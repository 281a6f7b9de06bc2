/** What happened in one world: always as a hash, as readable lines only on request. */
import type { VirtualClock } from "./clock.ts";

export class Journal {
  readonly #clock: VirtualClock;
  readonly #lines: string[] | undefined;
  #low = 0x811c9dc5;
  #high = 0x1000193;

  constructor(clock: VirtualClock, { readable }: { readable: boolean }) {
    this.#clock = clock;
    this.#lines = readable ? [] : undefined;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** Two 32-bit lanes as one word of 16 digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  note(who: string, what: string): void {
    this.#mix(who);
    this.#mix(what);
    this.#mixNumber(Math.round(this.#clock.now * 1000));
    this.aside(who, what);
  }

  /** For the reader only: what is not part of the hash. */
  aside(who: string, what: string): void {
    this.#lines?.push(`${this.#clock.now.toFixed(3).padStart(11)} ms  ${who.padEnd(9)} ${what}`);
  }

  #mix(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.#low = Math.imul(this.#low ^ text.charCodeAt(at), 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#low, 0x85ebca6b);
  }

  #mixNumber(value: number): void {
    this.#low = Math.imul(this.#low ^ (value | 0), 0xc2b2ae35);
    this.#high = Math.imul(this.#high ^ (this.#low >>> 13), 0x27d4eb2f);
  }
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
