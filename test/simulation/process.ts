/** One operating system process of the simulated world: it may be paused and killed, and owns the clock its service reads. */
import type { ServiceClock } from "../../src/clock.ts";
import type { Owner, Timer, VirtualClock } from "./clock.ts";
import type { WallClock } from "./wall-clock.ts";

/** A service's clock that knows how many timers are still set. */
export interface CountingClock extends ServiceClock {
  readonly pending: number;
}

export class VirtualProcess implements Owner {
  readonly #clock: VirtualClock;
  readonly #kept: Timer[] = [];
  #pausedAt: number | undefined;
  #crashed = false;
  /** ms spent in pauses so far; what has to happen within a time happens within that much more */
  pausedMs = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get isPaused(): boolean {
    return this.#pausedAt !== undefined;
  }

  get isCrashed(): boolean {
    return this.#crashed;
  }

  keep(timer: Timer): void {
    this.#kept.push(timer);
  }

  /** From here on nothing of this process happens, until `resume`. */
  pause(): void {
    this.#pausedAt ??= this.#clock.now;
  }

  /** What came due in the pause is due now: its timers before the replies that arrived, or the other way round. */
  resume({ timersFirst }: { timersFirst: boolean }): void {
    if (this.#pausedAt === undefined) return;
    this.pausedMs += this.#clock.now - this.#pausedAt;
    this.#pausedAt = undefined;
    const kept = this.#kept.splice(0);
    const timers = kept.filter(({ label }) => label === serviceTimer);
    const replies = kept.filter(({ label }) => label !== serviceTimer);
    this.#clock.restore(timersFirst ? [...timers, ...replies] : [...replies, ...timers]);
  }

  /** SIGKILL. */
  crash(): void {
    this.#crashed = true;
  }

  /** The clocks of the service under test. `zeroMs`: what the one that measures shows as the world begins; another one for each process. */
  createClock(wall: WallClock, zeroMs: number): CountingClock {
    let pending = 0;
    const clock = this.#clock;
    return {
      get pending() {
        return pending;
      },
      now: () => zeroMs + clock.now,
      epochNow: wall.now,
      setTimeout: (fn, ms) => {
        pending += 1;
        const fire = () => {
          pending -= 1;
          fn();
        };
        return clock.schedule(fire, ms, serviceTimer, this);
      },
      clearTimeout: (id) => {
        const timer = id as Timer | undefined;
        if (timer?.fn === undefined) return;
        pending -= 1;
        clock.cancel(timer);
      },
    };
  }
}

/** The label of a timer that the service itself has set. */
export const serviceTimer = "a timer of the service";
