/** Writes messages and their answers to the streams. */
import { StargazerError } from "../../errors.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Writes } from "../../redis/commands.ts";
import { commandArguments, commandsLua } from "../../redis/commands.ts";
import { runScript, script } from "../../redis/script.ts";
import type { Inbound } from "./envelope.ts";
import { problemOf, toFields } from "./envelope.ts";
import { messageKeys } from "./keys.ts";

/**
 * Writes the reply unless the message has one, and acknowledges the message, in one step. A Redis whose memory is full
 * refuses SET and XADD only as the first write, so a PEXPIRE comes before them: what was accepted is answered.
 * KEYS inbound, answered, then every key that the commands touch. ARGV group, id, rememberMs, then the commands.
 * Returns 1 if the reply was written, 0 if the message had one or was settled by another worker.
 */
const replyScript = script(`${commandsLua}
if not redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1] then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local first = redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
if first then runCommands(4) end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return first and 1 or 0`);

/** ms for which an answered message is known by its id; far longer than any redelivery takes. */
const rememberMs = 3_600_000;

const checked = (envelope: Inbound): Inbound => {
  const problem = problemOf(envelope);
  if (problem === undefined) return envelope;
  throw new StargazerError("SG_ERR_MESSAGE_INVALID", `the message was not accepted: ${problem}`);
};

/** Writes a message for the workers. Once it resolves the message is accepted. Rejects with `SG_ERR_MESSAGE_INVALID` or Redis' error. */
export const submit = async (redis: RedisClient, message: Inbound): Promise<void> => {
  await redis.xadd(messageKeys(redis).inbound, "*", ...toFields(checked(message)));
};

export interface Reply {
  /** the group that the message was read in, and its entry */
  readonly group: string;
  readonly entryId: string;
  readonly message: Inbound;
  /** what the answer writes */
  readonly writes: Writes;
}

/**
 * Writes the answer of a message and acknowledges the message, in one step. Resolves with whether this was its answer: false means
 * that it had one, or was taken over and settled by another worker. Rejects with Redis' error.
 */
export const reply = async (redis: RedisClient, { group, entryId, message, writes }: Reply): Promise<boolean> => {
  const keys = messageKeys(redis);
  const touched = [keys.inbound, keys.answered(message.id), ...writes.keys];
  const args = [group, entryId, rememberMs, ...commandArguments(writes.commands)];
  return (await runScript(redis, replyScript, { keys: touched, args })) === 1;
};
