/** What "the hook ended because it was asked to" means. */
import { nameOf } from "../../../machines/thrown.ts";

/**
 * The reason that the signal of `onStart` and `run` aborts with. Named AbortError, as libraries that take a signal expect. One for all:
 * each of its kind would keep a stack that says nothing, which costs more than the rest of an abort.
 */
export const stopReason: DOMException = new DOMException("the service is stopping", "AbortError");

/** Whether a rejection only says that the signal aborted: its own reason, or any AbortError after the abort. */
export const isAbortOf = (signal: AbortSignal, error: unknown): boolean =>
  signal.aborted && (error === signal.reason || nameOf(error) === "AbortError");
