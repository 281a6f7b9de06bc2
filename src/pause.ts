/** Waiting for a time to pass. */
import { systemClock } from "./clock.ts";

/** Resolves after `ms`, or as soon as the signal aborts; `signal.aborted` distinguishes the two. Never rejects. */
export const pause = (ms: number, { signal }: { readonly signal: AbortSignal }): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      systemClock.clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = systemClock.setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
