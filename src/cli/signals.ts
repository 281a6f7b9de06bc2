/** Signals as a command sees them: the first asks it to end, a second one means now. */
import type { StopSignal } from "../process.ts";
import { onSignals } from "../process.ts";

/** Terminals and supervisors send a signal twice; within this time the second one does not count. */
const debounceMs = 100;

export interface Interruption {
  /** aborts at the first signal, with its name as the reason */
  readonly signal: AbortSignal;
  /** aborts at a second one, with its name as the reason */
  readonly forced: AbortSignal;
  /** Listens no longer. */
  release(): void;
}

export const interrupted = (now: () => number = () => performance.now()): Interruption => {
  const first = new AbortController();
  const second = new AbortController();
  let firstAt = 0;
  const hear = (signal: StopSignal): void => {
    if (!first.signal.aborted) {
      firstAt = now();
      first.abort(signal);
    } else if (now() - firstAt > debounceMs) second.abort(signal);
  };
  return { signal: first.signal, forced: second.signal, release: onSignals(hear) };
};

/** Resolves when `signal` aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
