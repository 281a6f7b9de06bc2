/** What happened to a service, as data: the log, the metrics and the pages are writers over the same facts. */
import type { HealthFact } from "../../../machines/health-port.machine.ts";
import type { LifecycleCommand, LifecycleFact } from "../../../machines/index.ts";
import type { Logger } from "../../logger.ts";
import { shellWord } from "../../shell-word.ts";
import type { DescriptionFact } from "../effects/description.ts";
import type { StopReport } from "../types.ts";

/** A command that is not allowed where the service was; its caller got `SG_ERR_ILLEGAL_TRANSITION`. */
export interface CommandRefused {
  readonly type: "command.refused";
  readonly command: LifecycleCommand["type"];
  /** where the service was: `stopping.draining` */
  readonly path: string;
}

/** What `onFact` listeners, the log and the flight recorder get, in this order of sources: the chart, health, the service itself. */
export type ServiceFact =
  | LifecycleFact
  | HealthFact
  | CommandRefused
  | DescriptionFact
  /** the journal takes nothing more of this service, and the service goes on without it */
  | { readonly type: "journal.off"; readonly reason: string }
  /** the flight recording was written to this file */
  | { readonly type: "flight.written"; readonly path: string }
  /** the flight recording could not be written */
  | { readonly type: "flight.lost"; readonly reason: string }
  /** the service has stopped: the last fact of its life, with the whole report; times in ms */
  | ({ readonly type: "stopped" } & StopReport);

/** The level of each fact in the log; `stopped` is an error where the service failed. */
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
  "metrics.failed": "warn",
  "metrics.restored": "info",
  "check.failed": "warn",
  "check.restored": "info",
  "loop.blocked": "warn",
  "health.listening": "info",
  "health.thread.died": "warn",
  "health.port.moved": "warn",
  "health.server.failed": "error",
  "health.request.failed": "error",
  "description.failed": "warn",
  "description.restored": "info",
  "journal.off": "warn",
  "flight.written": "warn",
  "flight.lost": "warn",
  stopped: "info",
};

type Fact<Type extends ServiceFact["type"]> = Extract<ServiceFact, { type: Type }>;
const asIs = ({ type }: ServiceFact): string => type;
const withReason = ({ type, reason }: Extract<ServiceFact, { reason: string }>): string => `${type}: ${reason}`;
const withFence = ({ type, name, fence }: Extract<ServiceFact, { fence: number }>): string => `${type}: ${name}, fence ${fence}`;

/** A fact in words. A new type of fact without words does not compile. */
const words: { readonly [Type in ServiceFact["type"]]: (fact: Fact<Type>) => string } = {
  "state.entered": ({ state }) => state,
  "phase.ended": ({ phase, outcome, durationMs }) => `${phase} ${outcome} after ${Math.round(durationMs)} ms`,
  failed: ({ phase, message }) => `${phase}: ${message}`,
  degraded: withReason,
  "degraded.cleared": asIs,
  "command.refused": ({ command, path }) => `${command}() is not allowed in '${path}'`,
  "leadership.gained": withFence,
  "leadership.released": withFence,
  "leadership.lost": (fact) => `${withFence(fact)}: ${fact.reason}`,
  "leadership.abandoned": (fact) => `${withFence(fact)}: ${fact.reason}`,
  "lease.held": asIs,
  "lease.suspect": withReason,
  "lease.lost": withReason,
  "lease.regained": asIs,
  "lease.superseded": ({ type, twin }) => `${type}: pid ${twin.pid} on ${twin.host} has taken this instance id`,
  "lease.released": asIs,
  "lease.abandoned": withReason,
  "lease.broken": withReason,
  "redis.unreachable": withReason,
  "redis.restored": asIs,
  "metrics.failed": withReason,
  "metrics.restored": asIs,
  "check.failed": ({ type, kind, check, reason }) => `${type}: ${kind} check '${check}': ${reason}`,
  "check.restored": ({ type, kind, check }) => `${type}: ${kind} check '${check}'`,
  "loop.blocked": ({ type, blockedMs }) => `${type} for ${blockedMs} ms`,
  "health.listening": ({ type, host, port }) => `${type} at ${host} port ${port}`,
  "health.thread.died": withReason,
  "health.port.moved": asIs,
  "health.server.failed": withReason,
  "health.request.failed": ({ type, url, reason }) => `${type}: ${url}: ${reason}`,
  "description.failed": withReason,
  "description.restored": asIs,
  "journal.off": withReason,
  "flight.written": ({ path }) => `what led to it: npx stargazer replay ${shellWord(path)}`,
  "flight.lost": withReason,
  stopped: ({ outcome, reason }) => `stopped: ${outcome} (${reason})`,
};

/** A fact in the words of the log. */
export const wordsOf = <Type extends ServiceFact["type"]>(fact: Fact<Type> & { readonly type: Type }): string =>
  words[fact.type](fact);

/** The level of a fact. */
export const levelOf = (fact: ServiceFact): keyof Logger =>
  fact.type === "stopped" && fact.outcome === "failed" ? "error" : factLevels[fact.type];

/** The error of a fact under `err`, where loggers look for one. */
export const forLog = (fact: object): object => {
  const { cause, error } = fact as { readonly cause?: unknown; readonly error?: unknown };
  const err = cause ?? error;
  // a copy only where there is one: few facts have an error
  return err === undefined ? fact : { ...withoutError(fact), err };
};

const withoutError = ({
  cause: _cause,
  error: _error,
  ...rest
}: {
  readonly cause?: unknown;
  readonly error?: unknown;
}): object => rest;

/** Writes a fact to the log, at its level and in its words. */
export const writeFact = (log: Logger, fact: ServiceFact): void => log[levelOf(fact)](forLog(fact), wordsOf(fact));
