/** Asks Redis on a schedule of its own, so that many probes cost no check. The chart judges the answers. */
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";

export interface RedisCheckOptions {
  /** One check. Its signal aborts at the deadline; one that goes on regardless is waited for, not doubled. */
  readonly check: (signal: AbortSignal) => Promise<void>;
  /** ms from the begin of one check to the begin of the next */
  readonly intervalMs: number;
  /** ms that one check may take */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called for each check that failed or overran, and once more for each interval that it goes on to hang. */
  readonly onMissed: (reason: string) => void;
  /** Called for a check that Redis answered, if the one before was missed. */
  readonly onAnswered: () => void;
}

/** One check at a time, and one timer: the deadline of the check under way, or the wait for the next. */
export class RedisCheck {
  readonly #options: RedisCheckOptions;
  #underWay: AbortController | undefined;
  #timer: unknown;
  #beganAt = 0;
  #hasMissed = false;

  constructor(options: RedisCheckOptions) {
    this.#options = options;
  }

  /** The first check begins one interval from now. Call it once. */
  start(): void {
    this.#wait(this.#options.intervalMs, this.#begin);
  }

  /** Aborts a check under way; nothing is left. Legal at any time, any number of times. */
  stop(): void {
    const check = this.#underWay;
    this.#underWay = undefined;
    this.#options.clock.clearTimeout(this.#timer);
    check?.abort(new Error("the check was stopped"));
  }

  #wait(ms: number, then: () => void): void {
    this.#timer = this.#options.clock.setTimeout(then, ms);
  }

  readonly #begin = (): void => {
    const { check, clock, timeoutMs } = this.#options;
    const abort = new AbortController();
    this.#underWay = abort;
    this.#beganAt = clock.now();
    this.#wait(timeoutMs, this.#overrun);
    const answer = (async () => check(abort.signal))();
    answer.then(
      () => this.#settle(abort, () => this.#answered()),
      (error) => this.#settle(abort, () => this.#missed(messageOf(error))),
    );
  };

  readonly #overrun = (): void => {
    const { clock, intervalMs } = this.#options;
    const reason = `no answer within ${Math.round(clock.now() - this.#beganAt)} ms`;
    this.#wait(intervalMs, this.#overrun);
    this.#missed(reason);
    this.#underWay?.abort(new Error(reason));
  };

  /** An answer after the deadline is no answer: it only makes room for the next check. */
  #settle(check: AbortController, judge: () => void): void {
    if (this.#underWay !== check) return;
    const { clock, intervalMs } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#underWay = undefined;
    this.#wait(Math.max(0, this.#beganAt + intervalMs - clock.now()), this.#begin);
    if (!check.signal.aborted) judge();
  }

  #answered(): void {
    const hadMissed = this.#hasMissed;
    this.#hasMissed = false;
    if (hadMissed) this.#options.onAnswered();
  }

  #missed(reason: string): void {
    this.#hasMissed = true;
    this.#options.onMissed(reason);
  }
}
