/** Whether the event loop was blocked just now. */
import type { Clock } from "../clock.ts";
import type { TellHealth } from "./facts.ts";

export interface LoopWatchOptions {
  /** ms that the loop may be late before it counts as blocked */
  readonly maxDelayMs: number;
  /** ms for which a block is remembered, counted from its end */
  readonly holdMs: number;
  readonly clock: Clock;
  readonly onFact: TellHealth;
  /** called at the start and whenever the loop has come round; the next call is due in `dueMs` */
  readonly onBeat?: (dueMs: number) => void;
}

const periodMs = 100;

/**
 * A timer that notes how late it is. A mean over many samples does not show one long block, hence this beside under-pressure.
 * Whoever asks first after a block learns of it: the answer looks at the clock too, not only at the timer's last note.
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
    onBeat?.(periodMs);
    this.#timer = clock.setTimeout(() => {
      this.#look();
      this.#arm();
    }, periodMs);
  }

  #look(): void {
    const { clock, maxDelayMs, holdMs, onFact } = this.#options;
    const now = clock.now();
    const ms = Math.round(now - this.#dueAt);
    if (ms < maxDelayMs) return;
    this.#dueAt = now + periodMs;
    this.#latest = { ms, until: now + holdMs };
    this.#totalMs += ms;
    onFact({ type: "loop.blocked", blockedMs: ms });
  }
}
