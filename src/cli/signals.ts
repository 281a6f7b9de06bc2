/** Signals as a command sees them: the first asks it to end, a second one means now. */
import type { StopSignal } from "../process.ts";
import { onHangup, onSignals } from "../process.ts";

/** Terminals and supervisors send a signal twice; within this time the second one does not count. */
const debounceMs = 100;

export interface Interruption {
  /** aborts at the first signal, with its name as the reason */
  readonly signal: AbortSignal;
  /** aborts at a second one, with its name as the reason; a terminal that is closed is never the second */
  readonly forced: AbortSignal;
  /** Asks for the same as a first signal, which may still come. */
  stop(reason: string): void;
  /** Listens no longer. */
  release(): void;
}

export const interrupted = (now: () => number = () => performance.now()): Interruption => {
  const first = new AbortController();
  const second = new AbortController();
  let firstAt: number | undefined;
  const stop = (reason: string): void => {
    if (!first.signal.aborted) first.abort(reason);
  };
  const hear = (signal: StopSignal): void => {
    firstAt ??= now();
    stop(signal);
    if (now() - firstAt > debounceMs) second.abort(signal);
  };
  const removals = [onSignals(hear), onHangup(() => stop("SIGHUP"))];
  const release = () => {
    for (const remove of removals) remove();
  };
  return { signal: first.signal, forced: second.signal, stop, release };
};

/** Resolves when `signal` aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
