/** The recording of an instance of a fleet, from Redis: the one that it kept, or what the journal has of its last boot. */

import { StargazerError } from "../errors.ts";
import type { FlightRecording } from "../flight/index.ts";
import { parseFlight } from "../flight/index.ts";
import { keptLimitBytes } from "../flight/kept.ts";
import { lastBootOf, rebuiltFlight } from "../flight/rebuild.ts";
import type { JournalEntry } from "../journal/entry.ts";
import { JournalReader } from "../journal/reader.ts";
import type { RedisClient } from "../redis/client.ts";
import type { InstanceName } from "../registry/entry.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";

/** ms within which the journal is read, and how far back */
const readTimeoutMs = 10_000;
const sinceMs = 7 * 86_400_000;

export interface KeptFlight {
  readonly recording: FlightRecording;
  /** whether it comes from the journal: its events have no contents */
  readonly isRebuilt: boolean;
}

const keptBy = async (redis: RedisClient, { service, instance }: InstanceName): Promise<FlightRecording | undefined> => {
  const json = await redis.getrange(registryKeys(redis).flight(service, instance), 0, keptLimitBytes);
  return json === "" ? undefined : parseFlight(json, `the recording of ${service}/${instance}`);
};

/** The instance of that name, else the only one whose name begins so. */
const instanceMeant = (entries: readonly JournalEntry[], { service, instance }: InstanceName): string => {
  const own = new Set(entries.filter((entry) => entry.service === service).map((entry) => entry.instance));
  const [found, ...more] = own.has(instance) ? [instance] : [...own].filter((each) => each.startsWith(instance));
  return found === undefined || more.length > 0 ? instance : found;
};

/**
 * The recording of the last failed stop of an instance, unless the journal has no end of its last boot: then what the journal has of that
 * boot. Rejects with `SG_ERR_REGISTRY` where there is neither.
 */
export const findFlight = async (redis: RedisClient, wanted: InstanceName): Promise<KeptFlight> => {
  const signal = AbortSignal.timeout(readTimeoutMs);
  const all = await new JournalReader(redis).backwards({ limit: journalLength, sinceMs, signal });
  const name = { service: wanted.service, instance: instanceMeant(all, wanted) };
  const entries = all.filter(({ service, instance }) => service === name.service && instance === name.instance);
  const hasEnded = lastBootOf(entries).some(({ items }) => items.some(({ kind }) => kind === "end"));
  const [rebuilt, kept] = [rebuiltFlight(entries), await keptBy(redis, name)];
  const isKept = kept !== undefined && (hasEnded || rebuilt === undefined);
  if (isKept) return { recording: kept, isRebuilt: false };
  if (rebuilt !== undefined) return { recording: rebuilt, isRebuilt: true };
  const message = `nothing is known of ${name.service}/${name.instance}: neither a recording nor a message in the journal. stargazer fleet --all has the names`;
  throw new StargazerError("SG_ERR_REGISTRY", message);
};
