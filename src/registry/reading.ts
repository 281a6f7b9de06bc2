/**
 * The reads of the registry. Redis measures what others wrote; what is beyond a limit is skipped where it lies and hides nothing else.
 * In two round trips, however many services and instances there are.
 */
import type { RedisClient } from "../redis/client.ts";
import { whenReady } from "../redis/connection.ts";
import { runScript } from "../redis/script.ts";
import type { InstanceName, RegistryEntry } from "./entry.ts";
import { entryLimitBytes, parseEntry } from "./entry.ts";
import { registryKeys } from "./keys.ts";
import { nameLimitBytes, nameProblem } from "./names.ts";
import { beginListScript, entriesScript, liveScript } from "./read-scripts.ts";
import { isWrongType } from "./wrong-type.ts";

const chunkSize = 500;
/** services of a registry and instances of a service that are read */
const servicesLimit = 10_000;
const instancesLimit = 100_000;

export interface Source {
  readonly redis: RedisClient;
  /** Called with the key of what is left out. */
  readonly skip: (key: string) => void;
}

/** `service`: empty for all. Once `signal` has aborted, no further trip begins. */
export interface Listed {
  readonly service: string;
  readonly signal: AbortSignal;
}

/** The services that have an index, also those of which no lease lives. Rejects with the error of Redis. */
export const listServices = async (redis: RedisClient): Promise<string[]> => {
  const call = { keys: [registryKeys(redis).services], args: ["", nameLimitBytes, servicesLimit] };
  const [, , ...services] = (await runScript(redis, beginListScript, call)) as [string, number, ...string[]];
  return services.filter((each) => nameProblem("service", each) === undefined);
};

/** The live entries, ordered by service and instance. Rejects with the error of Redis. */
export const listEntries = async (source: Source, { service, signal }: Listed): Promise<RegistryEntry[]> => {
  const { redis, skip } = source;
  const { services: key } = registryKeys(redis);
  // accepted mutant: a caller's client that was closed: opening it again is refused in redis.test.ts
  await whenReady(redis, { reopen: false, signal });
  const args = [service, nameLimitBytes, servicesLimit];
  const [now, leftOut, ...services] = (await runScript(redis, beginListScript, { keys: [key], args, signal })) as [
    string,
    number,
    ...string[],
  ];
  if (leftOut > 0) skip(key);
  signal.throwIfAborted();
  const isName = (each: string): boolean => nameProblem("service", each) === undefined;
  if (service === "") for (const each of services) if (!isName(each)) skip(registryKeys(redis).index(each));
  const named = services.filter(isName).sort();
  const live = await Promise.all(named.map((each) => liveIn(source, each, now)));
  signal.throwIfAborted();
  return inChunks(source, live.flat());
};

/** The entries of these instances, in this order, without those that have none. One round trip. */
export const readEntries = async (source: Source, names: readonly InstanceName[]): Promise<RegistryEntry[]> => {
  const keys = names.map((name) => keyOf(source, name));
  const texts = (await runScript(source.redis, entriesScript, { keys, args: [entryLimitBytes] })) as (string | number | null)[];
  return names.flatMap((name, at) => parsed(source, name, texts[at] ?? null));
};

const keyOf = ({ redis }: Source, { service, instance }: InstanceName): string => registryKeys(redis).service(service, instance);

/** The instances of a service with a live lease and an entry that may be read. */
const liveIn = async (source: Source, service: string, now: string): Promise<InstanceName[]> => {
  const { redis, skip } = source;
  const keys = registryKeys(redis);
  const index = keys.index(service);
  try {
    const args = [now, nameLimitBytes, entryLimitBytes, instancesLimit];
    const reply = await runScript(redis, liveScript, { keys: [index, keys.service(service, "")], args });
    const [leftOut, unfit, fit] = reply as [number, string[], string[]];
    if (leftOut > 0) skip(index);
    for (const instance of unfit) skip(keys.service(service, instance));
    return fit
      .sort()
      .map((instance) => ({ service, instance }))
      .filter((name) => isNamed(source, name));
  } catch (error) {
    if (!isWrongType(error)) throw error;
    skip(index);
    // equivalent mutant: an instance that has no entry is not listed
    return [];
  }
};

/** Whether an instance can have this name. */
const isNamed = (source: Source, name: InstanceName): boolean => {
  if (nameProblem("instance", name.instance) === undefined) return true;
  source.skip(keyOf(source, name));
  return false;
};

/** Each chunk is parsed when it arrives, so that a large fleet does not hold the event loop in one piece. */
const inChunks = async (source: Source, names: readonly InstanceName[]): Promise<RegistryEntry[]> => {
  const chunks: Promise<RegistryEntry[]>[] = [];
  // accepted mutant: reading all in each chunk is slower, not wrong: only the first rows are taken
  for (let at = 0; at < names.length; at += chunkSize) chunks.push(readChunk(source, names.slice(at, at + chunkSize)));
  return (await Promise.all(chunks)).flat();
};

/** These were measured a moment ago; one that has grown since is not parsed. */
const readChunk = async (source: Source, names: readonly InstanceName[]): Promise<RegistryEntry[]> => {
  const texts = await source.redis.mget(names.map((name) => keyOf(source, name)));
  return names.flatMap((name, at) => parsed(source, name, texts[at] ?? null));
};

/** `text`: a number in place of one that is not read, null where there is none. */
const parsed = (source: Source, name: InstanceName, text: string | number | null): RegistryEntry[] => {
  // equivalent mutant: an instance that has no entry is not listed
  if (text === null) return [];
  const entry = parseEntry(String(text), name);
  if (entry === undefined) source.skip(keyOf(source, name));
  return entry === undefined ? [] : [entry];
};
