/** `fleet`: the instances of a fleet, as its registry and its journal have them. */
import { withRedis } from "../fleet/connect.ts";
import { explain } from "../instances/explain.ts";
import { glance } from "../instances/glance.ts";
import { FleetMemory } from "../instances/memory.ts";
import type { Row } from "../instances/row.ts";
import type { RedisClient } from "../redis/client.ts";
import { nameOf } from "../registry/fleet-view.ts";
import type { RegistryEvent } from "../registry/registry.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse, refusePositionals } from "./command.ts";
import { createFleetBoard } from "./fleet-board.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print, printError, printJson } from "./print.ts";
import { byName, isNews, isOver, journalMissing, plainRow, rowTable } from "./rows.ts";
import { interrupted } from "./signals.ts";
import { paintFor } from "./terminal.ts";

const readTimeoutMs = 10_000;

const colours = {
  registered: "green",
  replaced: "yellow",
  updated: "cyan",
  deregistered: "dim",
  expired: "red",
  stale: "yellow",
  synced: "dim",
} as const;

/** The incarnation of each instance that is registered. */
type Boots = Map<string, number>;

/** What happened: a boot that registers while another one of its instance is registered has replaced that, which had been killed. */
const wordOf = (event: RegistryEvent, boots: Boots): keyof typeof colours => {
  if (!("entry" in event)) return event.type;
  const { service, instance, incarnation } = event.entry;
  const name = `${service}/${instance}`;
  const before = boots.get(name);
  if (event.type === "deregistered" || event.type === "expired") boots.delete(name);
  else boots.set(name, incarnation);
  return event.type === "registered" && before !== undefined && before !== incarnation ? "replaced" : event.type;
};

const line = (event: RegistryEvent, boots: Boots): string => {
  const time = new Date().toISOString().slice(11, 23);
  const word = wordOf(event, boots);
  const type = paintFor(process.stdout)(colours[word], word.padEnd(12));
  if (event.type === "synced") return `${time}  ${type}  ${event.entries} in the registry`;
  if (event.type === "stale") return `${time}  ${type}  ${event.message}`;
  const { service, instance, status } = event.entry;
  return `${time}  ${type}  ${service}/${instance}  ${status}`;
};

const printSkipped = (key: string): void => printError(`skipped ${key}: its value is not a registry entry`);

const widthOf = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined);

/** Prints the fleet as it is. */
const list = async (redis: RedisClient, args: Arguments, label: string): Promise<void> => {
  const signal = AbortSignal.timeout(readTimeoutMs);
  const { model, now, entries, withoutJournal } = await glance(redis, { signal, onSkipped: printSkipped });
  if (withoutJournal !== "") printError(journalMissing(withoutJournal));
  const all = model.rows();
  const rows = [...all].sort(byName).filter((row) => args.has("all") || (args.has("json") ? !isOver(row) : isNews(row, now)));
  const byInstance = new Map(entries.map((entry) => [nameOf(entry), entry]));
  if (args.has("json"))
    return printJson(
      rows.map((row) => ({ ...byInstance.get(row.name), ...plainRow(row, now) })),
      2,
    );
  if (rows.length === 0)
    return print(`no service is registered in ${label}${all.length === 0 ? "" : "; --all lists those that ended"}`);
  print(rowTable(rows, { now, entries: byInstance, width: widthOf(), paint: paintFor(process.stdout) }));
};

/** What is worth a line beside the events of the registry: readiness, a boot that is not registered yet, an end that the registry does not know. */
const newsOf = (row: Row): string => {
  if (row.kind === "living") return row.ready === null ? "" : row.ready ? "ready" : "not ready";
  return row.kind === "ended" ? "" : row.kind;
};

/** One line for each change of a row that is news, until the memory ends. */
const printNews = (memory: FleetMemory, asJson: boolean): void => {
  const last = new Map<string, string>();
  memory.onChange(() => {
    for (const row of memory.model.changed()) {
      const news = newsOf(row);
      const isNews = memory.isCurrent && news !== "" && last.get(row.name) !== `${row.boot} ${news}`;
      last.set(row.name, `${row.boot} ${news}`);
      if (isNews && asJson) printJson({ type: "instance", ...plainRow(row, memory.now()) });
      else if (isNews) print(newsLine(row, news, memory.now()));
    }
    for (const name of memory.model.removed()) last.delete(name);
  });
};

const newsLine = (row: Row, news: string, now: number): string =>
  `${new Date().toISOString().slice(11, 23)}  ${paintFor(process.stdout)(news === "ready" ? "green" : "yellow", news.padEnd(12))}  ${row.service}/${row.instance}  ${explain(row, now)}`;

/** Prints each change, or keeps a board where there is a terminal, until a signal arrives. */
const watch = async (redis: RedisClient, asJson: boolean): Promise<void> => {
  const { signal, release } = interrupted();
  const memory = new FleetMemory();
  const boots: Boots = new Map();
  const board = process.stdout.isTTY && !asJson ? createFleetBoard(process.stdout, memory) : undefined;
  if (board === undefined) {
    memory.onChange((event) => {
      if (event !== undefined && asJson) printJson(event);
      else if (event !== undefined) print(line(event, boots));
    });
    printNews(memory, asJson);
  }
  try {
    await memory.run(redis, { signal, log: { warn: (_fields: object, message?: string) => printError(message ?? "") } });
  } finally {
    board?.close();
    release();
  }
};

export const fleet: Command = {
  name: "fleet",
  summary: "lists the instances of the fleet, or watches them",
  synopsis: `[--all] [--watch] [--json] ${placeSynopsis}`,
  details: [
    [
      "--all",
      "each that has ended in the last 24 hours too; without it those that failed or were killed in the last 10 minutes, except in JSON",
    ],
    ["--watch", "a board on a terminal, elsewhere each entry and each change as a line, until Ctrl-C"],
    jsonDetail,
    ...placeDetails,
  ],
  options: { all: { type: "boolean" }, watch: { type: "boolean" }, ...jsonOption, ...placeOptions },
  async run(args: Arguments) {
    refusePositionals(args);
    if (args.has("all") && args.has("watch")) args.problems.push("--all goes without --watch, which shows them too");
    refuse(args, fleet);
    const place = await findPlace(args, fleet);
    await withRedis(place, (redis) => (args.has("watch") ? watch(redis, args.has("json")) : list(redis, args, place.label)));
    return 0;
  },
};
