/** The overview of the fleet: Redis, the streams with their readers, dead letters. Reads only. */
import { cleanLine } from "../../clean.ts";
import { systemClock } from "../../clock.ts";
import type { RedisClient } from "../../redis/client.ts";
import { DeadLetters } from "../../streams/dead-letters.ts";
import type { GroupState } from "../../streams/groups.ts";
import { readGroups } from "../../streams/groups.ts";
import { streamKeys } from "../../streams/keys.ts";
import { messageKeys } from "../messages/keys.ts";
import type { WireOverview, WireReaders, WireStream } from "./wire.ts";

const maxGroups = 16;
const maxLetters = 5;
const maxReasonLength = 300;
const maxNameLength = 200;

const readersOf = ({ name, lag, pending, readers }: GroupState): WireReaders => ({
  group: cleanLine(name.slice(0, maxNameLength)),
  lag,
  pending,
  readers,
});

/** Undefined for a stream that does not exist. */
const streamOf = async (redis: RedisClient, stream: string): Promise<WireStream | undefined> => {
  if ((await redis.exists(stream)) === 0) return undefined;
  const [length, groups] = await Promise.all([redis.xlen(stream), readGroups(redis, stream)]);
  return { stream, length, groups: groups.slice(0, maxGroups).map(readersOf) };
};

/** `platforms`: those whose answers are shown. Rejects with Redis' error. */
export const readOverview = async (redis: RedisClient, platforms: readonly string[]): Promise<Omit<WireOverview, "times">> => {
  const keys = messageKeys(redis);
  const began = systemClock.now();
  await redis.ping();
  const redisMs = systemClock.now() - began;
  const [waiting, letters, count, ...streams] = await Promise.all([
    redis.zcard(keys.allOpen),
    new DeadLetters(redis).list(maxLetters),
    redis.xlen(streamKeys(redis).deadLetters),
    ...[keys.inbound, ...platforms.map((platform) => keys.outbound(platform))].map((stream) => streamOf(redis, stream)),
  ]);
  const newest = letters.map(({ id, stream, attempts, reason }) => ({
    id,
    stream: cleanLine(stream.slice(0, maxNameLength)),
    attempts,
    reason: cleanLine(reason.slice(0, maxReasonLength)),
  }));
  return { redisMs, waiting, streams: streams.flatMap((stream) => stream ?? []), deadLetters: { count, newest } };
};
