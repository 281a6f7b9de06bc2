/** Messages as a writer that is no gateway would write them: entries of a stream, without numbers and without a log. */
import type { RedisClient } from "../../src/redis/client.ts";
import type { Inbound, Outbound } from "../../src/tiers/messages/envelope.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";

/** The envelope as the fields of an entry: name, value, name, value. */
export const toFields = (envelope: Inbound | Outbound): string[] =>
  Object.entries(envelope).flatMap(([name, value]) => [name, String(value)]);

/** Writes an entry for the workers, with any content. */
export const submit = async (redis: RedisClient, message: Inbound): Promise<void> => {
  await redis.xadd(messageKeys(redis).inbound, "*", ...toFields(message));
};
