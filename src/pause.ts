/** Waiting for a time to pass. */

/** Resolves after `ms`, or as soon as the signal aborts; `signal.aborted` distinguishes the two. Never rejects. */
export const pause = (ms: number, { signal }: { readonly signal: AbortSignal }): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
