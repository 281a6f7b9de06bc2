/** The state of a stream and of the memory of its Redis, and the conditions that need a look, a line each. */
import type { Redis } from "ioredis";
import type { RedisClient } from "../redis/client.ts";
import { msOfTime } from "../redis/time.ts";
import { readGroups } from "./groups.ts";
import { laneKeys, streamKeys } from "./keys.ts";

/** A stream that is watched. */
export interface Watched {
  readonly stream: string;
  readonly group: string;
  /** a set or sorted set with a bound, or the stream itself, and the bound */
  readonly capped: { readonly key: string; readonly cap: number; readonly what: string };
}

export interface StreamState {
  readonly length: number;
  /** in a lane and not settled */
  readonly waiting: number;
  /** ms for which the oldest lane has been due, or the oldest entry unread */
  readonly lagMs: number;
  /** the part of the bound that is in use */
  readonly capUsed: number;
  readonly deadLetters: number;
  /** the part of `maxmemory` that is in use; undefined where there is no bound */
  readonly memoryUsed: number | undefined;
  /** whether Redis has an append-only file, or is a fleet's own, which ends with the fleet */
  readonly isDurable: boolean;
}

const numberOf = (info: string, name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);

/** Whether the Redis is that of `stargazer up`, which is reached by a unix socket. */
const isOwn = (redis: RedisClient): boolean => !redis.isCluster && (redis as Redis).options.path !== undefined;

const countOf = async (redis: RedisClient, key: string): Promise<number> => {
  const type = await redis.type(key);
  return type === "stream" ? redis.xlen(key) : type === "zset" ? redis.zcard(key) : 0;
};

/** The id of the first entry that the group has not read. */
const firstUnread = async (redis: RedisClient, { stream, group }: Watched): Promise<string | undefined> => {
  const own = (await readGroups(redis, stream)).find(({ name }) => name === group);
  return own && (await redis.xrange(stream, `(${own.lastDelivered}`, "+", "COUNT", 1))[0]?.[0];
};

/** Reads the state. Rejects with Redis' error. */
export const readState = async (redis: RedisClient, watched: Watched): Promise<StreamState> => {
  const { stream, capped } = watched;
  const { waiting, lanes } = laneKeys(stream);
  const [time, length, inLanes, [, due], unread, used, deadLetters, memory, persistence] = await Promise.all([
    redis.time(),
    redis.xlen(stream),
    redis.zcard(waiting),
    redis.zrange(lanes, 0, "0", "WITHSCORES"),
    firstUnread(redis, watched),
    countOf(redis, capped.key),
    redis.xlen(streamKeys(redis).deadLetters),
    redis.info("memory"),
    redis.info("persistence"),
  ]);
  const nowMs = msOfTime(time);
  const since = [due === undefined ? nowMs : Number(due) / 1000, unread === undefined ? nowMs : Number.parseInt(unread, 10)];
  const maxMemory = numberOf(memory, "maxmemory");
  return {
    length,
    waiting: inLanes,
    lagMs: Math.max(0, nowMs - Math.min(...since)),
    capUsed: used / capped.cap,
    deadLetters,
    memoryUsed: maxMemory === 0 ? undefined : numberOf(memory, "used_memory") / maxMemory,
    isDurable: isOwn(redis) || numberOf(persistence, "aof_enabled") === 1,
  };
};

export type ConditionType =
  | "stream.lagging"
  | "stream.cap-near"
  | "dead-letters.present"
  | "redis.memory-high"
  | "redis.volatile";

/** What is wrong, and what to do about it, in one line. */
export interface Condition {
  readonly type: ConditionType;
  readonly line: string;
}

const lagMs = 60_000;
const near = 0.8;
const percent = (part: number): string => `${Math.round(100 * part)} %`;

/** The conditions that a state is in. */
export const conditionsOf = ({ stream, capped }: Watched, state: StreamState): readonly Condition[] => {
  const { deadLetters, memoryUsed = 0 } = state;
  const conditions: (Condition | false)[] = [
    state.lagMs > lagMs && {
      type: "stream.lagging",
      line: `the oldest message of ${stream} that nothing works on waits for ${Math.round(state.lagMs / 1000)} s. Start more of this tier, or find out why a message takes long`,
    },
    state.capUsed > near && {
      type: "stream.cap-near",
      line: `${percent(state.capUsed)} of the ${capped.cap} ${capped.what} are there. Beyond them messages are refused or dropped: start more of this tier`,
    },
    deadLetters > 0 && {
      type: "dead-letters.present",
      line: `${deadLetters} dead letters wait for a decision: stargazer dlq list`,
    },
    memoryUsed > near && {
      type: "redis.memory-high",
      line: `Redis uses ${percent(memoryUsed)} of its maxmemory, and refuses messages when it is full. Raise it, or keep less`,
    },
    !state.isDurable && {
      type: "redis.volatile",
      line: "Redis writes no append-only file (appendonly no): a power loss costs what was accepted since its last snapshot. Set appendonly yes",
    },
  ];
  return conditions.filter((condition): condition is Condition => condition !== false);
};
