/** Waiting with an end. The timers here keep the process alive on purpose: a test runner must not end before its answer. */
import { setTimeout as pause } from "node:timers/promises";

/** What a wait may take. */
export interface WaitOptions {
  /** ms; default 5000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export const defaultTimeoutMs = 5000;

/** Settles with `promise`; rejects with what `overrun` says after `ms`. */
export const within = <T>(ms: number, promise: Promise<T>, overrun: () => Error): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(overrun()), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });

/** Asks again and again, up to `ms`; the last answer. */
export const eventually = async (ms: number, isSo: () => boolean): Promise<boolean> => {
  const end = performance.now() + ms;
  while (!isSo()) {
    if (performance.now() > end) return false;
    await pause(5);
  }
  return true;
};
