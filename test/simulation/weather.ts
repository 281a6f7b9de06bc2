/** What a network does to one instance: how long things take, and what is lost. */
import type { Random } from "./random.ts";

/** What befalls one command. */
export interface Passage {
  /** ms to the server; Infinity: nothing of this connection arrives any more */
  readonly thereMs: number;
  /** ms back; Infinity: no reply comes over this connection any more */
  readonly backMs: number;
  /** the server answers with an error and does nothing */
  readonly isRefused: boolean;
}

/** How often something goes wrong, 0 to 1, and where to count what did. */
export interface WeatherOptions {
  readonly random: Random;
  readonly trouble: number;
  readonly met: (fault: string) => void;
}

/** longer than any deadline of a write, shorter than a tombstone lives */
const lateMs = 20_000;

export class Weather {
  readonly #random: Random;
  readonly #trouble: number;
  readonly #met: (fault: string) => void;

  constructor({ random, trouble, met }: WeatherOptions) {
    this.#random = random;
    this.#trouble = trouble;
    this.#met = met;
  }

  get random(): () => number {
    return this.#random.next;
  }

  latencyMs(): number {
    return 0.05 + this.#random.next() * 5;
  }

  connects(): boolean {
    if (!this.#random.chance(this.#trouble)) return true;
    this.#met("connection refused");
    return false;
  }

  passage(): Passage {
    const thereMs = this.latencyMs();
    const backMs = this.latencyMs();
    const soon = { thereMs, backMs, isRefused: false };
    if (!this.#random.chance(this.#trouble)) return soon;
    switch (this.#random.below(6)) {
      case 0:
        this.#met("command lost");
        return { ...soon, thereMs: Infinity };
      case 1:
        this.#met("reply lost");
        return { ...soon, backMs: Infinity };
      case 2:
        this.#met("command late");
        return { ...soon, thereMs: this.#random.between(500, lateMs) };
      case 3:
        this.#met("reply late");
        return { ...soon, backMs: this.#random.between(100, 3000) };
      case 4:
        this.#met("command slow");
        return { ...soon, thereMs: this.#random.between(100, 1990) };
      default:
        this.#met("command refused");
        return { ...soon, isRefused: true };
    }
  }
}
