/**
 * The reads of the registry. Redis measures what others wrote; what is beyond a limit is skipped where it lies and hides nothing else.
 * The number of round trips grows with the logarithm of the number of services.
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

/** entries that are read by their names at once */
const pageSize = 500;
/** entries that come with the names of a service, and bytes of them after which no other comes */
const firstEntries = 2000;
const firstBytes = 1024 * 1024;
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
  const isName = (each: string): boolean => nameProblem("service", each) === undefined;
  if (service === "") for (const each of services) if (!isName(each)) skip(registryKeys(redis).index(each));
  const named = services.filter(isName).sort();
  return (await inWaves(named, (each) => liveIn(source, { service: each, now, signal }))).flat();
};

/** The entries of these instances, in this order, without those that have none. One round trip. */
export const readEntries = async (source: Source, names: readonly InstanceName[]): Promise<RegistryEntry[]> => {
  const call = { keys: names.map((name) => keyOf(source, name)), args: [entryLimitBytes] };
  return entriesOf(source, names, (await runScript(source.redis, entriesScript, call)) as Text[]);
};

/** What Redis has for an instance: the text of its entry, null where there is none, a number in place of one that is not read. */
type Text = string | number | null;

const keyOf = ({ redis }: Source, { service, instance }: InstanceName): string => registryKeys(redis).service(service, instance);

/** The entries in these texts, which belong to the first names, in this order. */
const entriesOf = (source: Source, names: readonly InstanceName[], texts: readonly Text[]): RegistryEntry[] => {
  const entries: RegistryEntry[] = [];
  texts.forEach((text, at) => {
    const name = names[at]!;
    const isNamed = nameProblem("instance", name.instance) === undefined;
    // equivalent mutant: an instance that has no entry is not listed
    if (isNamed && text === null) return;
    const entry = isNamed ? parseEntry(String(text), name) : undefined;
    if (entry === undefined) source.skip(keyOf(source, name));
    else entries.push(entry);
  });
  return entries;
};

/**
 * Two waves are under way at a time, and Redis reads one while the one before it is parsed. Each has as many services as all before it,
 * so a thousand take eleven waves.
 */
const inWaves = (
  services: readonly string[],
  read: (service: string) => Promise<RegistryEntry[]>,
): Promise<RegistryEntry[][]> => {
  const waves: Promise<RegistryEntry[][]>[] = [];
  for (let from = 0; from < services.length; from += Math.max(from, 1)) {
    const wave = services.slice(from, Math.max(2 * from, 1));
    const before = waves.at(-2) ?? Promise.resolve();
    waves.push(before.then(() => Promise.all(wave.map(read))));
  }
  return Promise.all(waves).then((read) => read.flat());
};

interface Living extends Listed {
  /** ms since the epoch, by the clock of Redis, as text */
  readonly now: string;
}

/** The entries of a service whose leases live, ordered by instance. */
const liveIn = async (source: Source, { service, now, signal }: Living): Promise<RegistryEntry[]> => {
  const { redis, skip } = source;
  const keys = registryKeys(redis);
  const index = keys.index(service);
  try {
    const args = [now, nameLimitBytes, instancesLimit, entryLimitBytes, firstEntries, firstBytes];
    const reply = await runScript(redis, liveScript, { keys: [index, keys.service(service, "")], args, signal });
    const [leftOut, instances, texts] = reply as [number, string[], Text[]];
    if (leftOut > 0) skip(index);
    const names = instances.map((instance) => ({ service, instance }));
    const later = inPages(source, { names: names.slice(texts.length), signal });
    const entries = [entriesOf(source, names, texts), ...(await later)].flat();
    return entries.sort((a, b) => (a.instance < b.instance ? -1 : 1));
  } catch (error) {
    if (!isWrongType(error)) throw error;
    skip(index);
    // equivalent mutant: an instance that has no entry is not listed
    return [];
  }
};

/** Each page is parsed when it arrives, while Redis reads the next ones; a large service does not hold the event loop in one piece. */
const inPages = (source: Source, { names, signal }: { names: readonly InstanceName[]; signal: AbortSignal }) => {
  signal.throwIfAborted();
  const pages: Promise<RegistryEntry[]>[] = [];
  // accepted mutant: reading all in each page is slower, not wrong: only the first rows are taken
  for (let at = 0; at < names.length; at += pageSize) pages.push(readEntries(source, names.slice(at, at + pageSize)));
  return Promise.all(pages);
};
