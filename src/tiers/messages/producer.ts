/** Writes messages to the stream of the workers. */
import { StargazerError } from "../../errors.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Inbound } from "./envelope.ts";
import { problemOf, toFields } from "./envelope.ts";
import { messageKeys } from "./keys.ts";

const checked = (message: Inbound): Inbound => {
  const problem = problemOf(message);
  if (problem === undefined) return message;
  throw new StargazerError("SG_ERR_MESSAGE_INVALID", `the message was not accepted: ${problem}`);
};

/** Writes a message for the workers. Once it resolves the message is accepted. Rejects with `SG_ERR_MESSAGE_INVALID` or Redis' error. */
export const submit = async (redis: RedisClient, message: Inbound): Promise<void> => {
  await redis.xadd(messageKeys(redis).inbound, "*", ...toFields(checked(message)));
};
