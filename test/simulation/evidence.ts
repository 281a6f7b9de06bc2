/** What really happened in a life, which its report has to agree with. */
import type { StopReport } from "../../src/service/types.ts";

interface Cause {
  readonly outcome: StopReport["outcome"];
  readonly reason: string;
  readonly atMs: number;
}

export class Evidence {
  /** what ended the life, and how the report should call it: the first, and what came in the same instant */
  readonly causes: Cause[] = [];
  /** failures that the report must name: by phase, or by message */
  readonly owed: { readonly phase: string; readonly message: string }[] = [];
  /** messages of the errors that callers gave */
  readonly errorsGiven = new Set<string>();
  wasSuperseded = false;
  healthFailed = false;
  pingsFailed = 0;
  /** the service's own chance threw: its chart may fail at any point */
  chanceFailed = false;

  /** Two in one instant are a tie: either may have reached the chart first. */
  causedBy(outcome: Cause["outcome"], reason: string, atMs: number): void {
    if (this.causes.length === 0 || this.causes[0]!.atMs === atMs) this.causes.push({ outcome, reason, atMs });
  }
}
