/** Runs a check on a schedule of its own, so that many probes cost one check. The chart of the check judges the answers. */
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Waiting } from "../until.ts";
import { forManyWaits } from "../until.ts";

export interface CheckScheduleOptions {
  /** One check; a rejection or `false` is a miss. Its signal aborts at the deadline; no second call begins until the first has settled. */
  readonly run: (waiting: Waiting) => unknown;
  /** Whether it is known to pass at the start: then the first check is due after an interval, else at once. */
  readonly isKnown: boolean;
  /** ms from the begin of one check to the begin of the next */
  readonly intervalMs: number;
  /** ms that one check may take */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called for each check that failed or overran, and once more for each interval that it goes on to hang. */
  readonly onMissed: (reason: string) => void;
  /** answers that are reported after each miss, and from the start of an unproven check */
  readonly successes: number;
  /** Called for an answer, unless as many were reported since the latest miss. */
  readonly onAnswered: () => void;
}

/** One check at a time, and one timer: the deadline of the check under way, or the wait for the next. */
export class CheckSchedule {
  readonly #options: CheckScheduleOptions;
  #underWay: AbortController | undefined;
  #timer: unknown;
  #beganAt = 0;
  /** answers that are still to be reported */
  #unreported: number;

  constructor(options: CheckScheduleOptions) {
    this.#options = options;
    this.#unreported = options.isKnown ? 0 : options.successes;
  }

  /** Call it once. */
  start(): void {
    const { isKnown, intervalMs } = this.#options;
    this.#wait(isKnown ? intervalMs : 0, this.#begin);
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
    const { run, clock, timeoutMs } = this.#options;
    const abort = new AbortController();
    this.#underWay = abort;
    this.#beganAt = clock.now();
    this.#wait(timeoutMs, this.#overrun);
    const answer = (async () => run({ signal: forManyWaits(abort.signal) }))();
    answer.then(
      (result) => this.#settle(abort, () => (result === false ? this.#missed("it returned false") : this.#answered())),
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
    if (this.#unreported === 0) return;
    this.#unreported -= 1;
    this.#options.onAnswered();
  }

  #missed(reason: string): void {
    this.#unreported = this.#options.successes;
    this.#options.onMissed(reason);
  }
}
