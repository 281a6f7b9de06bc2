/** Waiting for facts. */
import { setTimeout as pause } from "node:timers/promises";
import { deadlines } from "./deadlines.ts";

/** What is left of a type when it is true-ish. */
type Truthy<T> = Exclude<T, undefined | null | false | 0 | "">;

export interface EventuallyOptions {
  /** ms until the fact has to be there; default `deadlines.fact` */
  readonly timeoutMs?: number;
}

/**
 * Resolves with what `fn` returns as soon as that is true-ish; asked again and again, a throw counts as "not yet".
 * Rejects, naming `what` and the last thing seen, when the time is over.
 */
export const eventually = async <T>(
  what: string,
  fn: () => T | Promise<T>,
  { timeoutMs = deadlines.fact }: EventuallyOptions = {},
): Promise<Truthy<T>> => {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const seen = await Promise.resolve()
      .then(fn)
      .catch((error: unknown) => ({ threw: error }));
    const threw = typeof seen === "object" && seen !== null && "threw" in seen;
    if (seen && !threw) return seen as Truthy<T>;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}; last seen: ${shown(seen)}`);
    await pause(5);
  }
};

/** Resolves with what `fn` returns as soon as it does not throw, as an assertion does; rejects with its last error at the deadline of a fact. */
export const untilHolds = async <T>(fn: () => T | Promise<T>): Promise<T> => {
  const end = performance.now() + deadlines.fact;
  for (;;) {
    try {
      return await fn();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await pause(5);
  }
};

const shown = (seen: unknown): string => {
  if (typeof seen === "object" && seen !== null && "threw" in seen) return `threw ${String(seen.threw)}`;
  return JSON.stringify(seen) ?? String(seen);
};
