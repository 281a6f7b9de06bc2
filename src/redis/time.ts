/** The clock of Redis: by it processes measure what another one has begun. */
import { systemClock } from "../clock.ts";
import type { RedisClient } from "./client.ts";

/** Its reply to TIME as ms since the epoch, with their fraction. */
export const msOfTime = ([seconds, micros]: readonly (string | number)[]): number =>
  Number(seconds) * 1000 + Number(micros) / 1000;

/** Now, in whole ms since the epoch. Rejects with the error of Redis. */
export const timeOf = async (redis: RedisClient): Promise<number> => Math.floor(msOfTime(await redis.time()));

/** The clock of Redis, whose time is `epochMs` now: it goes on with a clock that measures. In whole ms since the epoch. */
export const clockFrom = (epochMs: number, now: () => number = systemClock.now): (() => number) => {
  const ahead = epochMs - now();
  return () => Math.round(now() + ahead);
};
