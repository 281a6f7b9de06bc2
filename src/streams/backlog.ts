/** How far the readers of a stream are behind: what Redis knows of a consumer group, for metrics and pages. Reads only. */
import type { RedisClient } from "../redis/client.ts";

/** What a group of a stream has before it. */
export interface StreamBacklog {
  readonly stream: string;
  readonly group: string;
  /** entries that no reader of the group has taken in; all of them where there is no such group */
  readonly unread: number;
  /** entries that were taken in and are not settled */
  readonly pending: number;
  /** ms since the oldest entry that is not settled was written, by the clock of Redis; 0 where there is none */
  readonly oldestMs: number;
}

type Flat = readonly unknown[];

const fieldOf = (flat: Flat, name: string): unknown => {
  const at = flat.indexOf(name);
  return at >= 0 && at % 2 === 0 ? flat[at + 1] : undefined;
};

const msOf = (id: unknown): number | undefined => (typeof id === "string" ? Number(id.split("-", 1)[0]) : undefined);

/** A group of a stream that does not exist has nothing before it. */
const groupsOf = async (redis: RedisClient, stream: string): Promise<readonly Flat[]> => {
  try {
    return (await redis.xinfo("GROUPS", stream)) as Flat[];
  } catch (error) {
    if (String(error).includes("no such key")) return [];
    throw error;
  }
};

/** Rejects with the error of Redis. Its cost does not grow with the stream. */
export const readBacklog = async (redis: RedisClient, stream: string, group: string): Promise<StreamBacklog> => {
  const [groups, length, [seconds = 0, us = 0]] = await Promise.all([groupsOf(redis, stream), redis.xlen(stream), redis.time()]);
  const found = groups.find((flat) => fieldOf(flat, "name") === group);
  const read = String((found && fieldOf(found, "last-delivered-id")) ?? "-");
  const [next, [pending = 0, oldestPending] = []] = await Promise.all([
    redis.xrange(stream, read === "-" ? "-" : `(${read}`, "+", "COUNT", 1),
    found && (redis.xpending(stream, group) as Promise<Flat>),
  ]);
  const lag = found === undefined ? length : fieldOf(found, "lag");
  const oldest = [msOf(oldestPending), msOf(next[0]?.[0])].filter((ms) => ms !== undefined);
  return {
    stream,
    group,
    // Redis does not know the lag of a group in whose part of the stream an entry was deleted
    unread: next.length === 0 ? 0 : Math.max(1, Number(lag ?? 1)),
    pending: Number(pending),
    oldestMs: oldest.length === 0 ? 0 : Math.max(0, Number(seconds) * 1000 + Math.floor(Number(us) / 1000) - Math.min(...oldest)),
  };
};
