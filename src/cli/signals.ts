/** The signals of a command: the first asks it to end, a second one that a person sent ends it at once. */
import { onStopSignals } from "../stop-signals.ts";

export interface Interruption {
  /** aborts at the first signal, with its name as the reason */
  readonly signal: AbortSignal;
  /** aborts at a further one that a person sent, with its name as the reason; a terminal that closes is never that */
  readonly forced: AbortSignal;
  /** Aborts `signal` with that reason, as a first signal does. A signal that follows is still the first. */
  stop(reason: string): void;
  /** Removes the listeners of the process. */
  release(): void;
}

/** Listens to the signals of this process until `release` is called. */
export const interrupted = (): Interruption => {
  const first = new AbortController();
  const second = new AbortController();
  const stop = (reason: string): void => {
    if (!first.signal.aborted) first.abort(reason);
  };
  const release = onStopSignals({ stop, force: (signal) => second.abort(signal) });
  return { signal: first.signal, forced: second.signal, stop, release };
};

/** Calls `listener` when the signal aborts, or now if it has. */
export const onAbort = (signal: AbortSignal, listener: () => void): void => {
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
};
