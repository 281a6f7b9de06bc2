/** A service as boards and tables show it, read from its supervisor's snapshot. */
import type {
  ChildAddress,
  PlannedService,
  ServiceEnding,
  ServiceView,
  SupervisorOutput,
  SupervisorSnapshot,
} from "../../machines/index.ts";
import { deadlineOf, initialState, statePath } from "../../machines/index.ts";
import { authority, isEveryAddress } from "../address.ts";
import type { InstanceName } from "../registry/entry.ts";
import type { Supervisor } from "../supervisor/index.ts";
import { causeInLog } from "./logs.ts";

/** One service of a fleet that runs. */
export interface Member extends PlannedService {
  readonly supervisor: Supervisor;
  /** the names in the registry of the services in its process, as the process sent them, else as they were given to it */
  readonly namesOf: () => readonly InstanceName[];
  /** path of its log file */
  readonly log: string | undefined;
}

const phaseOf = (snapshot: SupervisorSnapshot): string =>
  snapshot.matches("alive") ? snapshot.context.phase || initialState : statePath(snapshot);

/** Where a service is: in its own chart while its process lives, else in its supervisor's. */
export const viewOf = (member: Member): ServiceView => {
  const { name, tier, supervisor } = member;
  const snapshot = supervisor.actor.getSnapshot();
  const { pid, restarts, addresses } = snapshot.context;
  const phase = phaseOf(snapshot);
  const [state = phase] = phase.split(".");
  const listens = pid === undefined ? {} : addresses;
  const ports = { healthPort: listens.health?.port, port: listens.http?.port };
  return {
    name,
    tier,
    state,
    phase,
    since: Date.now(),
    pid,
    ...ports,
    restarts,
    nextTryMs: isWaiting(snapshot) ? (deadlineOf(snapshot)?.ms ?? null) : null,
    trouble: troubleOf(snapshot),
    cause: causeIn(member, snapshot),
  };
};

/** Whether the supervisor waits before it starts another process. */
const isWaiting = (snapshot: SupervisorSnapshot): boolean => snapshot.matches("backingOff") || snapshot.matches("givenUp");

/** The cause of the last process's end; empty while a process lives. */
const causeIn = (member: Member, snapshot: SupervisorSnapshot): string => (snapshot.matches("alive") ? "" : causeOf(member));

/** Of a service that has ended without trouble: whether by itself or by a signal from outside the fleet. */
const troubleOf = (snapshot: SupervisorSnapshot): string => {
  const { trouble, report } = snapshot.context;
  if (!snapshot.matches("ended")) return trouble;
  const { reason = "" } = report ?? {};
  const how = reason.startsWith("SIG") ? `by ${reason}, which this fleet has not sent` : "by itself";
  return `${how}; it is started again with the fleet only`;
};

/** What the service reported of its failure; one that could not report it and was not ended by a signal wrote it to its log, as a rule. */
export const causeOf = ({ supervisor, log }: Pick<Member, "supervisor" | "log">): string => {
  const { report, exit } = supervisor.actor.getSnapshot().context;
  return report?.error ?? (log !== undefined && exit?.code ? causeInLog(log) : "");
};

/** SIGTERM arrived before the first message or before the spawn, so nothing had started. */
const endedBeforeInit = ({ supervisor }: Member, { exit, report }: SupervisorOutput): boolean =>
  (exit === undefined || (exit.code === null && exit.signal === "SIGTERM")) &&
  report === undefined &&
  supervisor.actor.getSnapshot().context.phase === "";

const isOk = (member: Member, output: SupervisorOutput): boolean => {
  const { end, exit } = output;
  if (end === "givenUp" || end === "killed") return false;
  return exit === undefined || exit.code === 0 || endedBeforeInit(member, output);
};

/** How the service stopped: as it reported itself, else as its supervisor saw it. */
export const endingOf = (member: Member, output: SupervisorOutput): ServiceEnding => {
  const { end, exit, report, trouble, stopMs } = output;
  const seen = [trouble, causeOf(member)].filter(Boolean).join(": ");
  const ok = isOk(member, output);
  const rest = { name: member.name, exitCode: exit?.code ?? null, ms: stopMs, ok };
  if (end === "givenUp" || end === "killed") {
    return { ...rest, outcome: end === "killed" ? "killed" : "given up", reason: seen || "on a second signal" };
  }
  const outcome = report?.outcome ?? (ok ? "shutdown" : "failed");
  return { ...rest, outcome, reason: report?.error ?? report?.reason ?? (seen || "before it had started") };
};

/** Where a tier is reached: the address of its first service, as a URL for a browser on this machine. */
export const urlOf = ({ host, port }: ChildAddress): string => {
  return `http://${authority({ host: isEveryAddress(host) ? "127.0.0.1" : host, port })}`;
};
