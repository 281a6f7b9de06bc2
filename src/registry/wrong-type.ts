/** Keys with the registry's names and another program's values. The error of Redis does not name the key. */
import type { RedisClient } from "../redis/client.ts";
import { until } from "../until.ts";
import { registryKeys } from "./keys.ts";

/** A key, and the type that its value has as long as the registry wrote it. */
export interface TypedKey {
  readonly key: string;
  readonly type: "string" | "zset" | "set" | "stream";
}

/** ms for finding the key */
const timeoutMs = 1000;

/** Whether Redis refused because a key holds another type; a script's error has it further behind. */
export const isWrongType = (error: unknown): boolean => String(error).includes("WRONGTYPE");

/** The keys that every reader of the whole registry needs. */
export const sharedKeys = (redis: RedisClient): readonly TypedKey[] => {
  const { services, events } = registryKeys(redis);
  return [
    { key: services, type: "set" },
    { key: events, type: "stream" },
  ];
};

/** Those that hold a value of another type. */
export const foreignAmong = async (redis: RedisClient, keys: readonly TypedKey[]): Promise<(TypedKey & { found: string })[]> => {
  const typed = await Promise.all(keys.map(async (each) => ({ ...each, found: await redis.type(each.key) })));
  return typed.filter(({ type, found }) => found !== "none" && found !== type);
};

/** The clause that names the key which `error` is about; undefined where it is about none, or the key is not found in time. */
export const wrongTypeReason = async (
  redis: RedisClient,
  error: unknown,
  keys: readonly TypedKey[],
): Promise<string | undefined> => {
  if (!isWrongType(error)) return undefined;
  const [one] = await until(foreignAmong(redis, keys), {
    signal: AbortSignal.timeout(timeoutMs),
    what: "the types of the keys",
  }).catch(() => []);
  return one && `${one.key} holds a ${one.found} where a ${one.type} belongs; rename or delete it`;
};
