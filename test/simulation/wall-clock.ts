/** The wall clock of one simulated process: it tells the time and is set at seeded moments, which nothing else may notice. */
import type { VirtualClock } from "./clock.ts";
import { epochMs } from "./clock.ts";
import type { Random } from "./random.ts";

/** By how much it is set, in ms: a wrong time zone, a drift that was corrected, one NTP correction; to both sides. */
const stepsMs = [3_600_000, -3_600_000, 60_000, -60_000, 500, -500] as const;

export interface WallClockOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** false: it runs with the virtual clock, and is never set */
  readonly isSet: boolean;
  /** called where it was set on entering a state, with the state and with how far */
  readonly met: (what: string) => void;
}

export class WallClock {
  readonly #options: WallClockOptions;
  #aheadMs = 0;

  constructor(options: WallClockOptions) {
    this.#options = options;
  }

  /** ms since the epoch. Between any two readings it may have been set. */
  readonly now = (): number => {
    const { clock, random } = this.#options;
    if (random.chance(0.1)) this.#set();
    return epochMs + clock.now + this.#aheadMs;
  };

  /** Every second time it is set as the chart enters a state. */
  entered(path: string): void {
    const { random, isSet, met } = this.#options;
    if (!isSet || !random.chance(0.5)) return;
    met(`wall clock set in ${path}`);
    met(`wall clock set by ${this.#set()} ms`);
  }

  #set(): number {
    const { random, isSet } = this.#options;
    const ms = random.pick(stepsMs);
    if (isSet) this.#aheadMs += ms;
    return ms;
  }
}
