/** When a promise settles: no later than a signal allows, and, where a call rejects without I/O, not in the same turn. */
import { setMaxListeners } from "node:events";
import { quietClock, systemClock } from "./clock.ts";

/**
 * The same signal, at which any number of waits may listen: Node 20 warns of a leak where there are more than ten, as if ten requests at one
 * time were one. For each signal that code of a user's gets.
 */
export const forManyWaits = (signal: AbortSignal): AbortSignal => {
  setMaxListeners(0, signal);
  return signal;
};

/** What every call that waits takes last: it ends when the signal aborts. */
export interface Waiting {
  readonly signal: AbortSignal;
}

export interface UntilOptions<T> extends Waiting {
  /** what is waited for, in words: "the reply to PING"; the error of a deadline names it */
  readonly what: string;
  /** called with a result that comes after the abort, to release it; without it such a result is dropped */
  readonly late?: (result: T) => void;
}

/**
 * Settles with `promise`, or rejects once `signal` aborts: with the signal's reason, or, where that is only a deadline of
 * `AbortSignal.timeout`, with a TimeoutError that names the wait. A rejection after the abort is dropped.
 */
export const until = <T>(promise: Promise<T>, { signal, what, late }: UntilOptions<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = () => {
      reject(named(signal.reason, what));
      if (late !== undefined) promise.then(late).catch(() => {});
    };
    if (signal.aborted) {
      promise.catch(() => {});
      return abort();
    }
    signal.addEventListener("abort", abort, { once: true });
    // before the result is handed over: an abort by its receiver must not release it
    const ends =
      <A>(settle: (value: A) => void) =>
      (value: A): void => {
        signal.removeEventListener("abort", abort);
        settle(value);
      };
    promise.then(ends(resolve), ends(reject));
  });

/** The caller's own reason is kept as it is, since callers compare it. */
const named = (reason: unknown, what: string): unknown =>
  reason instanceof DOMException && reason.name === "TimeoutError"
    ? new DOMException(`the wait for ${what} passed its deadline`, "TimeoutError")
    : reason;

export interface DeadlineOptions {
  /** ms until the wait has passed its deadline */
  readonly ms: number;
  /** what is waited for, in words */
  readonly what: string;
  /** ends the wait before, with its own reason */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls `work` with a signal that aborts when the wait ends early, and settles as `until` does with it. Nothing of the call stays at
 * `signal`, which may live as long as the process: of each call of `AbortSignal.any` Node 20 keeps an entry there.
 */
export const withDeadline = async <T>(
  work: (signal: AbortSignal) => Promise<T>,
  { ms, what, signal = new AbortController().signal }: DeadlineOptions,
): Promise<T> => {
  const ending = new AbortController();
  const abort = () => ending.abort(signal.reason);
  const timer = quietClock.setTimeout(() => ending.abort(new DOMException(`${ms} ms`, "TimeoutError")), ms);
  if (signal.aborted) abort();
  forManyWaits(signal).addEventListener("abort", abort, { once: true });
  try {
    return await until(work(ending.signal), { signal: ending.signal, what });
  } finally {
    quietClock.clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
};

/**
 * Rejects with `error` in a later turn of the event loop. A loop that catches a rejection without I/O and goes on would otherwise never let
 * a signal or a timer come.
 */
export const rejectLater = (error: unknown): Promise<never> =>
  new Promise((_, reject) => {
    systemClock.setTimeout(() => reject(error), 0);
  });

/** Settles as `call` does; its rejection comes in a later turn, as with `rejectLater`. */
export const rejectingLater = async <T>(call: () => Promise<T>): Promise<T> => {
  try {
    return await call();
  } catch (error) {
    return rejectLater(error);
  }
};
