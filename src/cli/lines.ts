/** `up` where nobody looks at a board: one line a fact, as text or as JSON. */

import type { RedisView, ServiceEnding, ServiceView, UpFact, Writer } from "../fleet/facts.ts";
import { duration, table } from "./terminal.ts";

const placed = ({ pid, healthPort, port }: ServiceView): string =>
  [`pid ${pid ?? "-"}`, `health ${healthPort}`, ...(port === undefined ? [] : [`http ${port}`])].join(", ");

const describe = (service: ServiceView): string => {
  const why = service.trouble === "" ? "" : `: ${service.trouble}`;
  if (service.state === "running") return `${service.name} running (${placed(service)})`;
  return `${service.name} ${service.phase}${why}`;
};

const pageOf = ({ web, gateway }: { web?: string; gateway?: string }): string[] => [
  ...(web === undefined ? [] : [`page  ${web}`]),
  ...(gateway === undefined ? [] : [`chat  stargazer chat  (${gateway.replace(/^http/, "ws")}/webchat)`]),
];

const redisLine = ({ state, pid, restarts, trouble }: RedisView): string => {
  if (state === "running") return `redis running again (pid ${pid ?? "-"}, restarts: ${restarts})`;
  return state === "givenUp" ? `redis was given up: ${trouble}` : `redis is started again where it was: ${trouble}`;
};

const endingTable = (services: readonly ServiceEnding[]): string[] =>
  table([
    ["SERVICE", "OUTCOME", "REASON", "EXIT", "TIME"],
    ...services.map(({ name, outcome, reason, exitCode, ms }) => [
      name,
      outcome,
      reason,
      String(exitCode ?? "-"),
      `${Math.round(ms)} ms`,
    ]),
  ]);

/** A fact as people read it; a change of a service is the board's own matter where there is one. */
export const linesOf = (fact: UpFact): string[] => {
  switch (fact.type) {
    case "port.taken":
      return [`port ${fact.taken.join(", ")} ${fact.taken.length > 1 ? "are" : "is"} taken: ${fact.whose} uses ${fact.port}`];
    case "notice":
      return [fact.message];
    case "fleet.starting":
      return [
        `redis ${fact.redis}${fact.isOwnRedis ? "  (of this fleet, without persistence)" : ""}`,
        ...pageOf(fact),
        ...(fact.logs === undefined ? [] : [`logs  ${fact.logs}`]),
      ];
    case "service.changed":
      return [describe(fact.service)];
    case "service.lost":
      return [`${fact.service.name} was given up: ${[fact.service.trouble, fact.cause].filter(Boolean).join(": ")}`];
    case "redis.changed":
      return [redisLine(fact.redis)];
    case "fleet.ready":
      return [`ready in ${duration(fact.ms)}${fact.web === undefined ? "" : `  ${fact.web}`}`];
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

/** How a service stops is for the board and for programs: the table at the end says how each one went. */
const isWorthALine = (fact: UpFact): boolean =>
  fact.type !== "service.changed" || !["stopping", "stopped"].includes(fact.service.state);

export const createLines = (print: Print): Writer => ({
  write: (fact) => {
    if (!isWorthALine(fact)) return;
    for (const line of linesOf(fact)) print(line);
  },
  close() {},
});

export const createJsonLines = (print: Print): Writer => ({
  write: (fact) => print(JSON.stringify({ time: Date.now(), ...fact })),
  close() {},
});
