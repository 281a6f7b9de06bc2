/** The error of a reader that cannot read: never an empty list. */
import { StargazerError } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { lastErrorOf } from "../redis/connection.ts";
import { reasonOf, withoutCommand } from "../redis/reason.ts";
import { deniedToReader } from "./permissions.ts";
import { sharedKeys, wrongTypeReason } from "./wrong-type.ts";

/** `SG_ERR_REGISTRY` with the reason. An error that is one already stays as it is. */
export const unreadable = async (redis: RedisClient, error: unknown): Promise<StargazerError> => {
  if (error instanceof StargazerError) return error;
  const cause = lastErrorOf(redis) ?? withoutCommand(error);
  const late = cause instanceof Error && cause.name === "TimeoutError";
  const found = async () => (await wrongTypeReason(redis, error, sharedKeys(redis))) ?? (await deniedToReader(redis, error));
  const reason = late ? "no answer in time" : ((await found()) ?? reasonOf(cause));
  return new StargazerError("SG_ERR_REGISTRY", `The registry cannot be read: ${reason}.`, { cause });
};
