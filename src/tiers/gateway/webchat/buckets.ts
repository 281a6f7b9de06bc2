/** Rate limits by key: a token bucket for each key. */
import { systemClock } from "../../../clock.ts";

interface Bucket {
  tokens: number;
  /** when it had that many, by the monotonic clock, in ms */
  at: number;
}

export interface Rate {
  /** tokens that come in a second */
  readonly perS: number;
  /** tokens that a bucket holds, which is what a new key may take at once */
  readonly burst: number;
}

export class Buckets {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, now: () => number = () => systemClock.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes the tokens and returns 0; if there are too few, takes none and returns the seconds until there are enough. */
  take(key: string, tokens: number): number {
    const bucket = this.#filled(key);
    this.#buckets.set(key, bucket);
    if (bucket.tokens < tokens) return Math.max(1, Math.ceil((tokens - bucket.tokens) / this.#rate.perS));
    bucket.tokens -= tokens;
    return 0;
  }

  /** Gives back what was taken. */
  give(key: string, tokens: number): void {
    const bucket = this.#buckets.get(key);
    if (bucket !== undefined) bucket.tokens += tokens;
  }

  /** Forgets the buckets that are full. */
  tidy(): void {
    for (const key of this.#buckets.keys()) if (this.#filled(key).tokens >= this.#rate.burst) this.#buckets.delete(key);
  }

  #filled(key: string): Bucket {
    const { perS, burst } = this.#rate;
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: burst, at: this.#now() };
    const now = this.#now();
    return { tokens: Math.min(burst, tokens + ((now - at) / 1000) * perS), at: now };
  }
}
