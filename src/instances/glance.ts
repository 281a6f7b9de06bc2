/** The fleet as it is now, read once: the last day of the journal, and the registry. */
import { JournalReader } from "../journal/reader.ts";
import type { RedisClient } from "../redis/client.ts";
import { reasonOf, withoutCommand } from "../redis/reason.ts";
import { nameOf } from "../registry/fleet-view.ts";
import { journalLength } from "../registry/keys.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import { keptMs } from "./kept.ts";
import { readLeaseEnds } from "./lease-ends.ts";
import { FleetModel } from "./model.ts";
import { RedisTime } from "./redis-time.ts";

export interface Glance {
  readonly model: FleetModel;
  /** by the clock of Redis */
  readonly now: number;
  readonly entries: readonly RegistryEntry[];
  /** why the journal is left out; empty where it was read */
  readonly withoutJournal: string;
}

export interface GlanceOptions {
  readonly signal: AbortSignal;
  /** called with the key of each entry that is left out */
  readonly onSkipped: (key: string) => void;
}

/** Rejects with `SG_ERR_REGISTRY` where the registry cannot be read. A journal that cannot be read is left out, and `withoutJournal` says why. */
export const glance = async (redis: RedisClient, { signal, onSkipped }: GlanceOptions): Promise<Glance> => {
  const model = new FleetModel();
  const entries = await new Registry(redis, { onSkipped }).list(undefined, { signal });
  const time = new RedisTime();
  await time.read(redis, signal);
  model.tick(time.now());
  let withoutJournal = "";
  const read = new JournalReader(redis).backwards({ limit: journalLength, sinceMs: keptMs, signal });
  const journal = await read.catch((error: unknown) => {
    withoutJournal = reasonOf(withoutCommand(error));
    return [];
  });
  for (const entry of journal) model.note(entry);
  for (const entry of entries) model.apply({ type: "registered", entry });
  await noteLeaseEnds(redis, model, { entries, now: time.now(), signal });
  model.tick(time.now());
  return { model, now: time.now(), entries, withoutJournal };
};

/**
 * An instance that was killed wrote nothing of it, and where no watch runs the end of its lease is not in the journal: the index of its
 * service has it. That it is not among `entries` proves no end: it may have registered since they were read.
 */
export const noteLeaseEnds = async (
  redis: RedisClient,
  model: FleetModel,
  { entries, now, signal }: Pick<Glance, "entries" | "now"> & Pick<GlanceOptions, "signal">,
): Promise<void> => {
  const registered = new Set(entries.map(nameOf));
  const missing = model.rows().filter(({ end, lease, name }) => end === null && lease.state !== "none" && !registered.has(name));
  if (missing.length === 0) return;
  const services = [...new Set(missing.map(({ service }) => service))];
  const ends = await readLeaseEnds(redis, { services, from: "-inf", to: now, signal }).catch(() => new Map<string, number>());
  for (const { name } of missing) if (ends.has(name)) model.noteLeaseEnd(name, ends.get(name)!);
};
