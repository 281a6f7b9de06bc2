/** What `up` writes where there is no board: one line for each fact, as text or as JSON. */
import { hasStopped, isRunning, isStopping, lifePartOf } from "../../machines/index.ts";
import type { FleetFact, RedisView, ServiceEnding, ServiceView } from "../fleet/index.ts";
import { invocation } from "./invocation.ts";
import { duration, table } from "./terminal.ts";

/** A writer over the facts of a fleet. */
export interface Writer {
  write(fact: FleetFact): void;
  /** Releases the terminal. Nothing is written afterwards. */
  close(): void;
}

const placed = ({ pid, healthPort, port }: ServiceView): string =>
  [`pid ${pid ?? "-"}`, `health ${healthPort ?? "-"}`, ...(port === undefined ? [] : [`http ${port}`])].join(", ");

const describe = (service: ServiceView): string => {
  const why = [service.trouble, service.cause].filter((part) => part !== "").map((part) => `: ${part}`);
  if (isRunning(service.state)) return `${service.name} running (${placed(service)})`;
  // between two processes it is in no state of its own
  if (lifePartOf(service.state) === undefined) return `${service.name} ${betweenOf(service.state)}${why.join("")}`;
  return `${service.name} ${service.phase}${why.join("")}`;
};

/** What its supervisor does: it waits for the next start, or starts it no more. */
const betweenOf = (state: string): string => (state === "backingOff" ? "died and is started again" : "has exited");

const addressLine = ({ tier, url }: { readonly tier: string; readonly url: string }): string =>
  tier === "web" ? `page  ${url}` : `chat  ${invocation()} chat  (${url.replace(/^http/, "ws")}/webchat)`;

const redisLine = ({ state, pid, restarts, trouble }: RedisView): string => {
  if (isRunning(state)) return `redis running again (pid ${pid ?? "-"}, restarts: ${restarts})`;
  return state === "givenUp" ? `redis was given up: ${trouble}` : `redis is started again where it was: ${trouble}`;
};

const retryLine = (name: string, retryMs: number): string =>
  `${name} is started again in ${duration(retryMs)}, the others go on: remove the cause; a restart of the fleet (Ctrl-C, then up) is sooner`;

const endingTable = (services: readonly ServiceEnding[]): string[] =>
  table([
    ["SERVICE", "OUTCOME", "REASON", "EXIT", "TIME"],
    ...services.map(({ name, outcome, reason, exitCode, ms }) => [name, outcome, reason, String(exitCode ?? "-"), duration(ms)]),
  ]);

const takenPorts = (taken: readonly number[]): string => {
  const listed = new Intl.ListFormat("en-GB").format(taken.map(String));
  return taken.length > 1 ? `ports ${listed} are` : `port ${listed} is`;
};

/** A fact as text. */
export const linesOf = (fact: FleetFact): string[] => {
  switch (fact.type) {
    case "port.taken":
      return [`${takenPorts(fact.taken)} taken: ${fact.whose} uses ${fact.port}`];
    case "notice":
      return [fact.message];
    case "fleet.starting":
      return [
        `redis ${fact.redis}${fact.isOwnRedis ? "  (of this fleet, without persistence)" : ""}`,
        ...(fact.logs === undefined ? [] : [`logs  ${fact.logs}`]),
      ];
    case "fleet.listening":
      return [addressLine(fact)];
    case "service.changed":
      return [describe(fact.service)];
    case "service.lost":
      return [
        `${fact.service.name} died too often: ${[fact.service.trouble, fact.cause].filter(Boolean).join(": ")}`,
        ...(fact.retryMs === undefined ? [] : [retryLine(fact.service.name, fact.retryMs)]),
      ];
    case "redis.changed":
      return [redisLine(fact.redis)];
    case "fleet.ready":
      return [
        `ready in ${duration(fact.ms)}${fact.web === undefined ? "" : `  ${fact.web}`}`,
        `stop  Ctrl-C  (${invocation()} fleet lists the services, ${invocation()} inspect NAME shows one)`,
      ];
    case "fleet.stopping":
      return [`stopping: ${fact.reason}`];
    case "fleet.stopped":
      return [
        ...(fact.services.length > 0 ? endingTable(fact.services) : []),
        ...(fact.logs === undefined ? [] : [`logs  ${fact.logs}`]),
      ];
  }
};

type Print = (line: string) => void;

/** The table at the end has how each service stopped, and a loss has lines of its own; only a board and programs are given each step. */
const isWorthALine = (fact: FleetFact): boolean => {
  if (fact.type !== "service.changed") return true;
  const { state } = fact.service;
  return !(isStopping(state) || hasStopped(state) || state === "givenUp");
};

/** A line of text for each fact. */
export const createLines = (print: Print): Writer => ({
  write: (fact) => {
    if (!isWorthALine(fact)) return;
    for (const line of linesOf(fact)) print(line);
  },
  close() {},
});

/** Each fact as JSON, with the time in ms since the epoch. */
export const createJsonLines = (print: (value: unknown) => void): Writer => ({
  write: (fact) => print({ time: Date.now(), ...fact }),
  close() {},
});
