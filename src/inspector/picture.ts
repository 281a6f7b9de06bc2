/** What the page shows of a service at one moment, as plain JSON. */
import type { LifecycleCommand, LifecycleSnapshot, PhaseRecord, StateWords } from "../../machines/index.ts";
import {
  checkMachine,
  consumerMachine,
  healthPortMachine,
  initialState,
  isBooting,
  isRunning,
  isStopping,
  leadershipMachine,
  leaseMachine,
  lifecycleMachine,
  statesOf,
  takesWork,
} from "../../machines/index.ts";
import type { StatusReport } from "../service/report/status.ts";
import type { StargazerService } from "../service/service.ts";
import type { Recorder } from "./recorder.ts";
import type { Waiting } from "./waiting.ts";
import { waitingOf } from "./waiting.ts";

/** The commands that the page has a button for. */
export const inspectorCommands = ["run", "shutdown"] as const;
export type InspectorCommand = (typeof inspectorCommands)[number];

/** The charts that the page draws, by their machine's id, and their top-level states in order. */
export const chartStates = {
  lifecycle: statesOf(lifecycleMachine),
  lease: statesOf(leaseMachine),
  "health-port": statesOf(healthPortMachine),
  check: statesOf(checkMachine),
  leadership: statesOf(leadershipMachine),
  consumer: statesOf(consumerMachine),
} as const satisfies Record<string, readonly StateWords[]>;
export type DrawnChart = keyof typeof chartStates;

/** A phase, and where the page shows it. */
export interface ShownPhase extends PhaseRecord {
  /** among the bars of the boot or the stop, as a line of the run, or nowhere */
  readonly group: "boot" | "run" | "stop" | null;
  /** whether only a command ends it, so that its bar is cut */
  readonly isOpenEnded: boolean;
}

export interface Picture extends Omit<StatusReport, "waits" | "deadline"> {
  readonly phases: readonly ShownPhase[];
  /** where each machine is that runs now, by its id; of several with one id, the one that began last */
  readonly paths: Readonly<Record<string, string>>;
  readonly pid: number;
  /** when it was taken: ms since the epoch, by the clock of the service's machine */
  readonly now: number;
  /** when the state was entered, on the scale of `uptimeMs` */
  readonly enteredMs: number;
  /** the commands that the chart allows now */
  readonly allowed: readonly InspectorCommand[];
  readonly waits: Waiting;
  readonly leaseWaits: Waiting | null;
  /** why there is no lease; empty where there is one */
  readonly leaseAbsence: string;
  /** null until the service has stopped */
  readonly report: { readonly outcome: string; readonly reason: string; readonly exitCode: number } | null;
}

/** The reason in the report of a service that its page shut down. */
export const shutdownReason = "asked for in the inspector";

const commandOf: Record<InspectorCommand, LifecycleCommand> = {
  run: { type: "run" },
  shutdown: { type: "shutdown", reason: shutdownReason },
};

/** The commands that the chart allows in that snapshot. */
export const allowedCommands = (snapshot: LifecycleSnapshot): InspectorCommand[] =>
  snapshot.status === "active" ? inspectorCommands.filter((name) => snapshot.can(commandOf[name])) : [];

const reportOf = ({ status, output }: LifecycleSnapshot): Picture["report"] => {
  if (status === "error") return { outcome: "failed", reason: "the lifecycle machine failed", exitCode: 1 };
  return output === undefined ? null : { outcome: output.outcome, reason: output.reason, exitCode: output.exitCode };
};

/** The stop is shown by its steps, not by the state around them. */
const groupOf = (phase: string): ShownPhase["group"] => {
  if (isBooting(phase)) return "boot";
  if (isRunning(phase)) return "run";
  return isStopping(phase) && phase.includes(".") ? "stop" : null;
};

const shown = (record: PhaseRecord): ShownPhase => {
  const group = groupOf(record.phase);
  return { ...record, group, isOpenEnded: group === "boot" && takesWork(record.phase) };
};

const leaseAbsence = (state: string): string => {
  if (state === initialState || (isBooting(state) && !takesWork(state))) return "not begun";
  return takesWork(state) ? "none" : "none any more";
};

/** The picture of now. */
export const pictureOf = (service: StargazerService, { paths, timers }: Recorder): Picture => {
  const snapshot = service.actor.getSnapshot();
  const lease = snapshot.children.lease?.getSnapshot();
  const { deadline: _, ...status } = service.status();
  const timing = { timers, constructedAt: snapshot.context.constructedAt };
  return {
    ...status,
    phases: status.phases.map(shown),
    paths,
    pid: process.pid,
    now: Date.now(),
    enteredMs: status.phases.findLast(({ phase }) => phase === status.state)?.offsetMs ?? 0,
    allowed: allowedCommands(snapshot),
    waits: waitingOf(snapshot, timing),
    leaseWaits: lease === undefined ? null : waitingOf(lease, timing),
    leaseAbsence: lease === undefined ? leaseAbsence(status.state) : "",
    report: reportOf(snapshot),
  };
};
