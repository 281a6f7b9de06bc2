/** `fleet`: the entries of the registry. */
import { authority } from "../address.ts";
import { withRedis } from "../fleet/connect.ts";
import type { RegistryEntry, RegistryEvent } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse, refusePositionals } from "./command.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print, printError, printJson } from "./print.ts";
import { interrupted } from "./signals.ts";
import { duration, paintFor, table } from "./terminal.ts";

const titles = ["SERVICE", "STATE", "FOR", "HEALTH", "PID", "HOST", "INSTANCE"];

const rowOf = (entry: RegistryEntry, now: number): string[] => [
  entry.service,
  entry.status,
  duration(Math.max(0, now - entry.since)),
  entry.health === null ? "-" : authority(entry.health),
  String(entry.pid),
  entry.host,
  entry.instance,
];

/** The fleet as a table. */
const listing = (entries: readonly RegistryEntry[], label: string): string[] => {
  if (entries.length === 0) return [`no service is registered in ${label}`];
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  return table([titles, ...entries.map((entry) => rowOf(entry, Date.now()))], width === undefined ? {} : { width });
};

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

/** Prints each change until a signal arrives. */
const watch = async (registry: Registry, asJson: boolean): Promise<void> => {
  const { signal, release } = interrupted();
  const boots: Boots = new Map();
  try {
    for await (const event of registry.watch(undefined, { signal })) {
      if (asJson) printJson(event);
      else print(line(event, boots));
    }
  } finally {
    release();
  }
};

export const fleet: Command = {
  name: "fleet",
  summary: "lists the services in the registry, or watches them",
  synopsis: `[--watch] [--json] ${placeSynopsis}`,
  details: [["--watch", "prints the entries, then each change, until Ctrl-C"], jsonDetail, ...placeDetails],
  options: { watch: { type: "boolean" }, ...jsonOption, ...placeOptions },
  async run(args: Arguments) {
    refusePositionals(args);
    refuse(args, fleet);
    const place = await findPlace(args, fleet);
    await withRedis(place, async (redis) => {
      const registry = new Registry(redis, { onSkipped: printSkipped });
      if (args.has("watch")) return watch(registry, args.has("json"));
      const entries = await registry.list();
      if (args.has("json")) printJson(entries, 2);
      else print(listing(entries, place.label));
    });
    return 0;
  },
};
