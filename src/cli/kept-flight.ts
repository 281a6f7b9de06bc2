/** The recording of an instance of a fleet, from Redis: the one that it kept, or what the journal has of a boot. */

import { StargazerError } from "../errors.ts";
import type { FlightRecording } from "../flight/index.ts";
import { parseFlight } from "../flight/index.ts";
import { keptLimitBytes } from "../flight/kept.ts";
import { rebuiltFlight } from "../flight/rebuild.ts";
import { noteLeaseEnds } from "../instances/glance.ts";
import { FleetModel } from "../instances/model.ts";
import { RedisTime } from "../instances/redis-time.ts";
import type { Boot } from "../instances/row.ts";
import type { JournalEntry } from "../journal/entry.ts";
import { isDeath } from "../journal/outcomes.ts";
import { JournalReader } from "../journal/reader.ts";
import type { RedisClient } from "../redis/client.ts";
import type { InstanceName } from "../registry/entry.ts";
import { nameOf } from "../registry/fleet-view.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";
import { Registry } from "../registry/registry.ts";
import { absentFrom } from "./instance.ts";

/** ms within which the journal is read, and how far back */
const readTimeoutMs = 10_000;
const sinceMs = 7 * 86_400_000;

export interface KeptFlight {
  readonly recording: FlightRecording;
  /** whether it comes from the journal: its events have no contents */
  readonly isRebuilt: boolean;
  /** whether the boot has not ended: the recording is what has happened so far */
  readonly lives: boolean;
  /** the boots that the journal has been read for, the newest first, and which of them is shown; none of a file */
  readonly boots: readonly Boot[];
  readonly shown: number;
}

const keptBy = async (redis: RedisClient, { service, instance }: InstanceName): Promise<FlightRecording | undefined> => {
  const json = await redis.getrange(registryKeys(redis).flight(service, instance), 0, keptLimitBytes);
  return json === "" ? undefined : parseFlight(json, `the recording of ${service}/${instance}`);
};

/** The boots of the instance as the fleet's model has them, the newest first. */
const bootsIn = ({ model, now }: Read, name: string): readonly Boot[] => {
  // the model forgets an instance a day after its end, the journal does not
  const known = model.row(name);
  model.tick(now);
  return ((model.row(name) ?? known)?.boots ?? []).filter(({ boot }) => boot !== "");
};

/** The place of the boot that is meant: that of the number, else the newest that died, else the newest. */
const placeOf = (boots: readonly Boot[], number: number | undefined): number =>
  number === undefined
    ? Math.max(
        0,
        boots.findIndex(({ outcome }) => isDeath(outcome)),
      )
    : number - 1;

/** What Redis has of the fleet's last week, and in it of one instance. */
interface Read {
  /** of the journal, oldest first */
  readonly own: readonly JournalEntry[];
  /** of that instance alone */
  readonly model: FleetModel;
  /** by the clock of Redis */
  readonly now: number;
  /** all instances in the journal */
  readonly names: readonly InstanceName[];
}

const readOf = async (redis: RedisClient, name: InstanceName): Promise<Read> => {
  const signal = AbortSignal.timeout(readTimeoutMs);
  const isOwn = ({ service, instance }: InstanceName) => service === name.service && instance === name.instance;
  const entries = (await new Registry(redis).list(name.service, { signal })).filter(isOwn);
  const all = await new JournalReader(redis).backwards({ limit: journalLength, sinceMs, signal });
  const time = new RedisTime();
  await time.read(redis, signal);
  const names = [...new Map(all.map((entry) => [nameOf(entry), entry])).values()];
  const [own, model, now] = [all.filter(isOwn), new FleetModel(), time.now()];
  for (const entry of own) model.note(entry);
  for (const entry of entries) model.apply({ type: "registered", entry });
  await noteLeaseEnds(redis, model, { entries, now, signal });
  return { own, model, now, names };
};

/**
 * The recording of a boot of an instance: of `number`, 1 for the newest, else of the newest boot that died, else of the newest. It is the one
 * that its failed stop kept, or what the journal has. Rejects with `SG_ERR_REGISTRY` where there is neither, and names what there is.
 */
export const findFlight = async (redis: RedisClient, name: InstanceName, number?: number): Promise<KeptFlight> => {
  const read = await readOf(redis, name);
  const { own, names } = read;
  const [boots, kept] = [bootsIn(read, nameOf(name)), await keptBy(redis, name)];
  const shown = placeOf(boots, number);
  const wanted = boots[shown];
  // Redis keeps the recording of the newest boot whose stop failed
  const isKept = wanted === undefined ? number === undefined : isLastFailure(boots, shown, own);
  if (kept !== undefined && isKept) return { recording: kept, isRebuilt: false, lives: false, boots, shown };
  const rebuilt = wanted && rebuiltFlight(own, wanted.boot);
  if (rebuilt !== undefined) return { recording: rebuilt, isRebuilt: true, lives: wanted?.outcome === "", boots, shown };
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
