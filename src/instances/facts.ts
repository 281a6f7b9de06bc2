/** The lease states and the failures that facts of the journal stand for. */
import type { RowFailure, RowLease } from "./row.ts";

/** The state of the lease behind each fact of it. */
export const leaseFacts: ReadonlyMap<string, RowLease["state"]> = new Map([
  ["lease.held", "held"],
  ["lease.suspect", "suspect"],
  ["lease.lost", "lost"],
  ["lease.regained", "held"],
]);

/** The words of a failure in the log: its phase, then what happened. */
export const failureIn = (text: string): RowFailure => {
  const [, phase = "", message = text] = /^([\w.]+): ([\s\S]*)$/.exec(text) ?? [];
  return { phase, code: "", message };
};
