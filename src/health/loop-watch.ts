/** Whether the event loop was blocked within the latest interval, and for how long. */
import type { Clock } from "../clock.ts";

export interface LoopWatchOptions {
  /** ms that the loop may be late before it counts as blocked */
  readonly maxDelayMs: number;
  /** ms for which a block is remembered, counted from its end */
  readonly holdMs: number;
  readonly clock: Clock;
  /** called once for each block, with its length */
  readonly onBlocked: (ms: number) => void;
  /** called at the start and at each turn of the timer; the next call is due in `dueMs` */
  readonly onBeat: (dueMs: number) => void;
}

const periodMs = 100;

/**
 * A timer that measures its own delay; under-pressure's mean over many samples does not show one long block. The getters compare
 * with the clock too, so that a read which comes before the late timer already sees the block.
 */
export class LoopWatch {
  readonly #options: LoopWatchOptions;
  #timer: unknown;
  #dueAt = Number.POSITIVE_INFINITY;
  #latest = { ms: 0, until: Number.NEGATIVE_INFINITY };
  #totalMs = 0;

  constructor(options: LoopWatchOptions) {
    this.#options = options;
  }

  /** Call it once. */
  start(): void {
    this.#arm();
  }

  /** Nothing is left. Legal at any time, any number of times. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  /** ms of the latest block while it is remembered, else 0. */
  get blockedMs(): number {
    this.#look();
    return this.#options.clock.now() < this.#latest.until ? this.#latest.ms : 0;
  }

  /** ms of all blocks since the start. */
  get totalBlockedMs(): number {
    this.#look();
    return this.#totalMs;
  }

  #arm(): void {
    const { clock, onBeat } = this.#options;
    this.#dueAt = clock.now() + periodMs;
    onBeat(periodMs);
    this.#timer = clock.setTimeout(() => {
      this.#look();
      this.#arm();
    }, periodMs);
  }

  #look(): void {
    const { clock, maxDelayMs, holdMs, onBlocked } = this.#options;
    const now = clock.now();
    const ms = Math.round(now - this.#dueAt);
    if (ms < maxDelayMs) return;
    this.#dueAt = now + periodMs;
    this.#latest = { ms, until: now + holdMs };
    this.#totalMs += ms;
    onBlocked(ms);
  }
}
