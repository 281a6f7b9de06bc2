/** When a promise settles: no later than a signal allows, and, where a call rejects without I/O, not in the same turn. */
import { systemClock } from "./clock.ts";

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
