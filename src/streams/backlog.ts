/** How far the readers of a stream are behind: what Redis knows of a consumer group, for metrics and pages. Reads only. */
import type { RedisClient } from "../redis/client.ts";
import { msOfTime } from "../redis/time.ts";
import { readGroups } from "./groups.ts";

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

const msOfId = (id: unknown): number | undefined => (typeof id === "string" ? Number(id.split("-", 1)[0]) : undefined);

/** Rejects with the error of Redis. Its cost does not grow with the stream. */
export const readBacklog = async (redis: RedisClient, stream: string, group: string): Promise<StreamBacklog> => {
  const [groups, length, time] = await Promise.all([readGroups(redis, stream), redis.xlen(stream), redis.time()]);
  const found = groups.find(({ name }) => name === group);
  const [next, [pending = 0, oldestPending] = []] = await Promise.all([
    redis.xrange(stream, found === undefined ? "-" : `(${found.lastDelivered}`, "+", "COUNT", 1),
    found && (redis.xpending(stream, group) as Promise<readonly unknown[]>),
  ]);
  const lag = found === undefined ? length : found.lag;
  const oldest = [msOfId(oldestPending), msOfId(next[0]?.[0])].filter((ms) => ms !== undefined);
  return {
    stream,
    group,
    unread: next.length === 0 ? 0 : Math.max(1, lag ?? 1),
    pending: Number(pending),
    oldestMs: oldest.length === 0 ? 0 : Math.max(0, Math.floor(msOfTime(time)) - Math.min(...oldest)),
  };
};
