/** Signals as a command sees them: the first asks it to end, a second one forces it. */
import type { StopSignal } from "../process.ts";
import { onHangup, onSignals } from "../process.ts";

/** Terminals and supervisors send a signal twice; within this many ms the second one does not count. */
const debounceMs = 100;

export interface Interruption {
  /** aborts at the first signal, with its name as the reason */
  readonly signal: AbortSignal;
  /** aborts at a second one, with its name as the reason; a terminal that is closed is never the second */
  readonly forced: AbortSignal;
  /** Aborts `signal` with that reason, as a first signal does. A signal that follows is still the first. */
  stop(reason: string): void;
  /** Removes the listeners of the process. */
  release(): void;
}

/** Listens to the signals of this process until `release` is called. */
export const interrupted = (now: () => number = () => performance.now()): Interruption => {
  const first = new AbortController();
  const second = new AbortController();
  let firstAt: number | undefined;
  const stop = (reason: string): void => {
    if (!first.signal.aborted) first.abort(reason);
  };
  const onSignal = (signal: StopSignal): void => {
    const at = now();
    firstAt ??= at;
    stop(signal);
    if (at - firstAt > debounceMs) second.abort(signal);
  };
  const removals = [onSignals(onSignal), onHangup(() => stop("SIGHUP"))];
  const release = () => {
    for (const remove of removals) remove();
  };
  return { signal: first.signal, forced: second.signal, stop, release };
};

/** Calls `listener` when the signal aborts, or now if it has. */
export const onAbort = (signal: AbortSignal, listener: () => void): void => {
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
};
