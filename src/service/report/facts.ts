/** What happened to a service, as data: logs, metrics and pages are writers over the same facts. */

import type { HealthFact } from "../../../machines/health-port.machine.ts";
import type {
  EndedPhase,
  Failure,
  LeadershipFact,
  LeaseFact,
  LifecycleCommand,
  LifecycleSnapshot,
  PhaseRecord,
  StateName,
} from "../../../machines/index.ts";
import { isOpen } from "../../../machines/phases.ts";
import { stateName } from "../../../machines/state.ts";
import type { Logger } from "../../logger.ts";
import type { StopReport } from "../types.ts";

/** A command that has no arrow where the service is; its caller got `SG_ERR_ILLEGAL_TRANSITION`. */
export interface CommandRefused {
  readonly type: "command.refused";
  readonly command: LifecycleCommand["type"];
  /** where the service was: `stopping.draining` */
  readonly path: string;
}

/** What `onFact` listeners, the log and the flight recorder are told; the README has a table of when and how loudly. */
export type ServiceFact =
  | { readonly type: "state.entered"; readonly state: StateName }
  | ({ readonly type: "phase.ended" } & EndedPhase)
  | ({ readonly type: "failed" } & Failure)
  | { readonly type: "degraded" | "degraded.cleared" }
  | CommandRefused
  | LeadershipFact
  | LeaseFact
  | HealthFact
  | { readonly type: "lease.broken"; readonly reason: string }
  | { readonly type: "flight.written"; readonly path: string }
  | { readonly type: "flight.lost"; readonly reason: string }
  | ({ readonly type: "stopped" } & StopReport);

/** What happened between two snapshots of one service; `undefined` is before the first. */
export const factsBetween = (before: LifecycleSnapshot | undefined, after: LifecycleSnapshot): ServiceFact[] => {
  const past = before?.context;
  const { phases, failures, degraded } = after.context;
  const state = stateName(after);
  return [
    ...endedSince(past?.phases ?? [], phases).map((record) => ({ type: "phase.ended" as const, ...record })),
    ...failures.slice(past?.failures.length ?? 0).map((failure) => ({ type: "failed" as const, ...failure })),
    ...(degraded === (past?.degraded ?? false)
      ? []
      : [{ type: degraded ? ("degraded" as const) : ("degraded.cleared" as const) }]),
    ...(before !== undefined && stateName(before) === state ? [] : [{ type: "state.entered" as const, state }]),
  ];
};

/** A record that ends is a new object; the others stay what they are. */
const endedSince = (past: readonly PhaseRecord[], phases: readonly PhaseRecord[]): EndedPhase[] => {
  if (past === phases) return [];
  const known = new Set(past);
  return phases.filter((record) => !isOpen(record) && !known.has(record)) as EndedPhase[];
};

/** How loudly each fact is told in the log; `stopped` is an error where the service failed. */
export const factLevels: Readonly<Record<ServiceFact["type"], keyof Logger>> = {
  "state.entered": "info",
  "phase.ended": "debug",
  failed: "error",
  degraded: "warn",
  "degraded.cleared": "info",
  "command.refused": "warn",
  "lease.held": "info",
  "lease.suspect": "warn",
  "lease.lost": "warn",
  "lease.regained": "info",
  "lease.superseded": "error",
  "lease.released": "info",
  "lease.abandoned": "warn",
  "lease.broken": "error",
  "leadership.gained": "info",
  "leadership.lost": "warn",
  "leadership.released": "info",
  "leadership.abandoned": "warn",
  "redis.unreachable": "warn",
  "redis.restored": "info",
  "loop.blocked": "warn",
  "health.thread.died": "warn",
  "health.port.moved": "warn",
  "health.server.failed": "error",
  "health.request.failed": "error",
  "flight.written": "warn",
  "flight.lost": "warn",
  stopped: "info",
};

const words = (fact: ServiceFact): string => {
  switch (fact.type) {
    case "state.entered":
      return fact.state;
    case "phase.ended":
      return `${fact.phase} ${fact.outcome} after ${Math.round(fact.durationMs)} ms`;
    case "failed":
      return `${fact.phase}: ${fact.message}`;
    case "stopped":
      return `stopped: ${fact.outcome} (${fact.reason})`;
    case "command.refused":
      return `'${fact.command}' has no arrow in '${fact.path}'`;
    case "flight.written":
      return `what it did last is in ${fact.path}; to see it: npx stargazer replay ${fact.path}`;
    case "lease.superseded":
      return `${fact.type}: pid ${fact.twin.pid} on ${fact.twin.host} has taken this instance id`;
    case "leadership.gained":
    case "leadership.released":
      return `${fact.type}: ${fact.name}, fence ${fact.fence}`;
    case "leadership.lost":
    case "leadership.abandoned":
      return `${fact.type}: ${fact.name}, fence ${fact.fence}: ${fact.reason}`;
    case "loop.blocked":
      return `${fact.type} for ${fact.blockedMs} ms`;
    case "health.request.failed":
      return `${fact.type}: ${fact.url}: ${fact.reason}`;
    default:
      return "reason" in fact ? `${fact.type}: ${fact.reason}` : fact.type;
  }
};

/** The log is one of the writers. */
export const writeFact = (log: Logger, fact: ServiceFact): void => {
  const level = fact.type === "stopped" && fact.outcome === "failed" ? "error" : factLevels[fact.type];
  log[level](fact, words(fact));
};
