/** The recording of an instance of a fleet, from Redis: the one that it kept, or what the journal has of a boot. */

import { StargazerError } from "../errors.ts";
import type { FlightRecording } from "../flight/index.ts";
import { parseFlight } from "../flight/index.ts";
import { keptLimitBytes } from "../flight/kept.ts";
import { rebuiltFlight } from "../flight/rebuild.ts";
import { FleetModel } from "../instances/model.ts";
import type { Boot } from "../instances/row.ts";
import type { JournalEntry } from "../journal/entry.ts";
import { isDeath } from "../journal/outcomes.ts";
import { JournalReader } from "../journal/reader.ts";
import type { RedisClient } from "../redis/client.ts";
import type { InstanceName } from "../registry/entry.ts";
import { nameOf } from "../registry/fleet-view.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";
import { absentFrom } from "./instance.ts";

/** ms within which the journal is read, and how far back */
const readTimeoutMs = 10_000;
const sinceMs = 7 * 86_400_000;

export interface KeptFlight {
  readonly recording: FlightRecording;
  /** whether it comes from the journal: its events have no contents */
  readonly isRebuilt: boolean;
  /** the boots that the journal has been read for, the newest first, and which of them is shown; none of a file */
  readonly boots: readonly Boot[];
  readonly shown: number;
}

const keptBy = async (redis: RedisClient, { service, instance }: InstanceName): Promise<FlightRecording | undefined> => {
  const json = await redis.getrange(registryKeys(redis).flight(service, instance), 0, keptLimitBytes);
  return json === "" ? undefined : parseFlight(json, `the recording of ${service}/${instance}`);
};

/** The boots in these entries of one instance, oldest first, as the fleet's model has them: the newest first. */
const bootsIn = (entries: readonly JournalEntry[], name: InstanceName): readonly Boot[] => {
  const model = new FleetModel();
  for (const entry of entries) model.note(entry);
  return (model.row(nameOf(name))?.boots ?? []).filter(({ boot }) => boot !== "");
};

/** The place of the boot that is meant: that of the number, else the newest that died, else the newest. */
const placeOf = (boots: readonly Boot[], number: number | undefined): number =>
  number === undefined
    ? Math.max(
        0,
        boots.findIndex(({ outcome }) => isDeath(outcome)),
      )
    : number - 1;

/** Whether the journal has been read as far back as the boot that is meant began. */
const reaches = (entries: readonly JournalEntry[], name: InstanceName, number: number | undefined): boolean => {
  const boots = bootsIn(entries, name);
  const wanted = boots[placeOf(boots, number)];
  if (wanted === undefined || (number === undefined && !isDeath(wanted.outcome))) return false;
  return entries.some(
    ({ boot, items }) => boot === wanted.boot && items.some((item) => item.kind === "step" && item.event === "boot"),
  );
};

/** The entries of the instance, oldest first, as far back as they are needed; and the names of all that were read. */
const readOwn = async (redis: RedisClient, name: InstanceName, number: number | undefined) => {
  const signal = AbortSignal.timeout(readTimeoutMs);
  const isOwn = ({ service, instance }: InstanceName) => service === name.service && instance === name.instance;
  const read: JournalEntry[] = [];
  const isEnough = (entries: readonly JournalEntry[]): boolean => {
    read.unshift(...entries.filter(isOwn).reverse());
    return reaches(read, name, number);
  };
  const all = await new JournalReader(redis).backwards({ limit: journalLength, sinceMs, signal, isEnough });
  return { own: all.filter(isOwn), names: [...new Map(all.map((entry) => [nameOf(entry), entry])).values()] };
};

/**
 * The recording of a boot of an instance: of `number`, 1 for the newest, else of the newest boot that died, else of the newest. It is the one
 * that its failed stop kept, or what the journal has. Rejects with `SG_ERR_REGISTRY` where there is neither, and names what there is.
 */
export const findFlight = async (redis: RedisClient, name: InstanceName, number?: number): Promise<KeptFlight> => {
  const { own, names } = await readOwn(redis, name, number);
  const [boots, kept] = [bootsIn(own, name), await keptBy(redis, name)];
  const shown = placeOf(boots, number);
  const wanted = boots[shown];
  // Redis keeps the recording of the newest boot whose stop failed
  const isKept = wanted === undefined ? number === undefined : isLastFailure(boots, shown, own);
  if (kept !== undefined && isKept) return { recording: kept, isRebuilt: false, boots, shown };
  const rebuilt = wanted && rebuiltFlight(own, wanted.boot);
  if (rebuilt !== undefined) return { recording: rebuilt, isRebuilt: true, boots, shown };
  const meant = boots.length === 0 ? meantBy(names, name) : undefined;
  if (meant !== undefined) return findFlight(redis, meant, number);
  if (boots.length === 0) throw absentFrom(names, name, "in the journal, and has left no recording");
  const message = `${name.service}/${name.instance} has no boot ${number}: the journal has ${boots.length}, and 1 is the newest`;
  throw new StargazerError("SG_ERR_REGISTRY", message);
};

/** The only instance of the service whose name begins so, where that is not the whole name. */
const meantBy = (names: readonly InstanceName[], { service, instance }: InstanceName): InstanceName | undefined => {
  const [found, ...more] = names.filter((each) => each.service === service && each.instance.startsWith(instance));
  return found === undefined || more.length > 0 || found.instance === instance ? undefined : found;
};

/** Whether that boot is the newest one which has written itself that it failed. */
const isLastFailure = (boots: readonly Boot[], shown: number, entries: readonly JournalEntry[]): boolean => {
  const hasFailed = ({ boot }: Boot): boolean =>
    entries.some((entry) => entry.boot === boot && entry.items.some((item) => item.kind === "end" && item.outcome === "failed"));
  return boots.findIndex(hasFailed) === shown;
};
