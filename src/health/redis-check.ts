/** Whether Redis answers: asked on a schedule of its own, so that many probes cost no check. */
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { TellHealth } from "./facts.ts";

const failuresToFall = 3;

export interface RedisCheckOptions {
  /** One probe. Its signal aborts at the deadline; a probe that goes on regardless is waited for, not doubled. */
  readonly check: (signal: AbortSignal) => Promise<void>;
  /** ms from the begin of one check to the begin of the next */
  readonly intervalMs: number;
  /** ms that one check may take */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onFact: TellHealth;
}

/** `reason` says why the latest check failed, also while it takes more failures to fall. */
export interface RedisVerdict {
  readonly reachable: boolean;
  /** failures in a row */
  readonly failures: number;
  readonly reason: string;
}

/**
 * Falls after three failures in a row, rises with one success. It starts out reachable: the ping gate has just passed.
 * One check at a time. A check that hangs fails at its deadline, and once more for each interval that it goes on to hang.
 * There is one timer: the deadline of the check under way, or the wait for the next.
 */
export class RedisCheck {
  readonly #options: RedisCheckOptions;
  #probe: AbortController | undefined;
  #timer: unknown;
  #beganAt = 0;
  #failures = 0;
  #reason = "";

  constructor(options: RedisCheckOptions) {
    this.#options = options;
  }

  /** The first check begins one interval from now. Call it once. */
  start(): void {
    this.#wait(this.#options.intervalMs, this.#begin);
  }

  /** Aborts a check under way; nothing is left. Legal at any time, any number of times. */
  stop(): void {
    const probe = this.#probe;
    this.#probe = undefined;
    this.#options.clock.clearTimeout(this.#timer);
    probe?.abort(new Error("the check was stopped"));
  }

  /** Costs nothing: it is what the checks so far have found. */
  get verdict(): RedisVerdict {
    return { reachable: this.#failures < failuresToFall, failures: this.#failures, reason: this.#reason };
  }

  #wait(ms: number, then: () => void): void {
    this.#timer = this.#options.clock.setTimeout(then, ms);
  }

  readonly #begin = (): void => {
    const { check, clock, timeoutMs } = this.#options;
    const probe = new AbortController();
    this.#probe = probe;
    this.#beganAt = clock.now();
    this.#wait(timeoutMs, this.#overrun);
    const asked = (async () => check(probe.signal))();
    asked.then(
      () => this.#settle(probe, () => this.#succeed()),
      (error) => this.#settle(probe, () => this.#fail(messageOf(error))),
    );
  };

  readonly #overrun = (): void => {
    const { clock, intervalMs } = this.#options;
    const reason = `no answer within ${Math.round(clock.now() - this.#beganAt)} ms`;
    this.#fail(reason);
    this.#wait(intervalMs, this.#overrun);
    this.#probe?.abort(new Error(reason));
  };

  /** An answer after the deadline is no answer: it only makes room for the next check. */
  #settle(probe: AbortController, judge: () => void): void {
    if (this.#probe !== probe) return;
    const { clock, intervalMs } = this.#options;
    clock.clearTimeout(this.#timer);
    if (!probe.signal.aborted) judge();
    this.#probe = undefined;
    this.#wait(Math.max(0, this.#beganAt + intervalMs - clock.now()), this.#begin);
  }

  #succeed(): void {
    const missed = this.#failures;
    this.#failures = 0;
    this.#reason = "";
    if (missed >= failuresToFall) this.#options.onFact({ type: "redis.restored", missed });
  }

  #fail(reason: string): void {
    this.#failures += 1;
    this.#reason = reason;
    if (this.#failures === failuresToFall) this.#options.onFact({ type: "redis.unreachable", failures: this.#failures, reason });
  }
}
