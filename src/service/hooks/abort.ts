/** What counts as a hook that ended because its signal aborted. */
import { nameOf } from "../../../machines/thrown.ts";

/**
 * The reason that the signal of `onStart` and `run` aborts with. Named AbortError, as libraries that take a signal expect. One object for all
 * services: creating one collects a stack, which costs more than the rest of an abort.
 */
export const stopReason: DOMException = new DOMException("the service is stopping", "AbortError");

/** Whether a rejection only repeats the abort of the signal: its own reason, or any AbortError after the abort. */
export const isAbortOf = (signal: AbortSignal, error: unknown): boolean =>
  signal.aborted && (error === signal.reason || nameOf(error) === "AbortError");
