/** Waits with a deadline. Their timers keep the process alive, so that a test runner does not end before the result. */
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../clock.ts";

/** The bounds of a wait. */
export interface WaitOptions {
  /** ms; default 5000 */
  readonly timeoutMs?: number;
  /** an abort rejects the wait with the reason of the signal */
  readonly signal?: AbortSignal | undefined;
}

export const defaultTimeoutMs = 5000;

/** Settles with `promise`; rejects with the error of `overrun` after `ms`. */
export const within = <T>(ms: number, promise: Promise<T>, overrun: () => Error): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = systemClock.setTimeout(() => reject(overrun()), ms);
    promise.then(resolve, reject).finally(() => systemClock.clearTimeout(timer));
  });

/** Polls for at most `ms`; resolves with the last answer. */
export const eventually = async (ms: number, isSo: () => boolean): Promise<boolean> => {
  const end = systemClock.now() + ms;
  while (!isSo()) {
    if (systemClock.now() > end) return false;
    await pause(5);
  }
  return true;
};
