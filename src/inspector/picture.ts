/** Everything that the page shows of a service at one moment, as plain JSON. */
import type { LifecycleCommand, LifecycleSnapshot } from "../../machines/index.ts";
import type { StatusReport } from "../service/report/status.ts";
import type { StargazerService } from "../service/service.ts";
import type { Recorder } from "./recorder.ts";
import type { Waiting } from "./waiting.ts";
import { leaseWaitingOf, waitingOf } from "./waiting.ts";

/** The commands that the page has a button for. */
export const inspectorCommands = ["run", "shutdown"] as const;
export type InspectorCommand = (typeof inspectorCommands)[number];

export interface Picture extends StatusReport {
  readonly pid: number;
  /** ms since the epoch, by the service's machine */
  readonly now: number;
  /** what the chart allows now */
  readonly allowed: readonly InspectorCommand[];
  readonly waits: Waiting;
  readonly leaseWaits: Waiting | null;
  /** null until it has stopped */
  readonly report: { readonly outcome: string; readonly reason: string; readonly exitCode: number } | null;
}

/** The reason in the report of a service that its page shut down. */
export const shutdownReason = "asked for in the inspector";

const commandOf: Record<InspectorCommand, LifecycleCommand> = {
  run: { type: "run" },
  shutdown: { type: "shutdown", reason: shutdownReason },
};

export const allowedCommands = (snapshot: LifecycleSnapshot): InspectorCommand[] =>
  snapshot.status === "active" ? inspectorCommands.filter((name) => snapshot.can(commandOf[name])) : [];

const reportOf = ({ status, output }: LifecycleSnapshot): Picture["report"] => {
  if (status === "error") return { outcome: "failed", reason: "the lifecycle machine failed", exitCode: 1 };
  return output === undefined ? null : { outcome: output.outcome, reason: output.reason, exitCode: output.exitCode };
};

export const pictureOf = (service: StargazerService, { timers }: Recorder): Picture => {
  const snapshot = service.actor.getSnapshot();
  const status = service.status();
  return {
    ...status,
    pid: process.pid,
    now: Date.now(),
    allowed: allowedCommands(snapshot),
    waits: waitingOf(status.path, snapshot.context, timers),
    leaseWaits: status.lease === null ? null : leaseWaitingOf(status.lease.state, timers),
    report: reportOf(snapshot),
  };
};
