/** From what the chart noted to the report that its caller gets. */
import type { Failure, LifecycleContext, LifecycleOutput } from "../../../machines/index.ts";
import { uptimeOf } from "../../../machines/lifecycle.machine.ts";
import { endAllPhases } from "../../../machines/phases.ts";
import { isOf } from "../../../machines/thrown.ts";
import type { ErrorCode } from "../../errors.ts";
import { messageOf, StargazerError } from "../../errors.ts";
import type { FlightRecording } from "../../flight/recording.ts";
import type { StopReport } from "../types.ts";

/** A failure as an error; one that was a StargazerError of the same words stays itself. */
export const toError = ({ phase, code, message, cause }: Failure): StargazerError => {
  if (isOf(cause, StargazerError) && cause.code === code && cause.message === message) return cause;
  const error = new StargazerError(code as ErrorCode, message, { phase, cause });
  // frames of the place where the report is made explain nothing; those of the failure are the cause's
  error.stack = `${error.name}: ${message}`;
  return error;
};

export const toReport = ({ outcome, reason, exitCode, error, failures, phases }: LifecycleOutput): StopReport => ({
  outcome,
  reason,
  exitCode,
  ...(error === undefined ? {} : { error: toError(error) }),
  failures: failures.map(({ phase, code, message }) => ({ phase, code, message })),
  phases,
});

/** The report of a machine that failed itself and was unwound by its host. */
export const brokenReport = (context: LifecycleContext, phase: string, error: unknown): StopReport =>
  toReport({
    outcome: "failed",
    reason: "the lifecycle machine failed",
    exitCode: 1,
    ...((failures) => ({ error: failures[0]!, failures }))([
      ...context.failures,
      { phase, code: "SG_ERR_INTERNAL", message: `the lifecycle machine failed: ${messageOf(error)}`, cause: error },
    ]),
    phases: endAllPhases(context.phases, uptimeOf(context)),
  });

/** The end of a life in its flight recording: without the causes, which may be anything. */
export const endOf = ({ outcome, reason, failures }: StopReport): FlightRecording["end"] => ({
  outcome,
  reason,
  failures: failures.map(({ phase, code, message }) => ({ phase, code, message })),
});
