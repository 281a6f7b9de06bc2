/** The error of a reader who cannot read: never an empty list. */
import { StargazerError } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { lastErrorOf } from "../redis/connection.ts";
import { reasonOf, withoutCommand } from "../redis/reason.ts";

export const unreadable = (redis: RedisClient, error: unknown): StargazerError => {
  const cause = lastErrorOf(redis) ?? withoutCommand(error);
  const late = cause instanceof Error && cause.name === "TimeoutError";
  return new StargazerError("SG_ERR_REGISTRY", `The registry cannot be read: ${late ? "no answer in time" : reasonOf(cause)}.`, {
    cause,
  });
};
