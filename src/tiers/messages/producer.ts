/** Writes messages and their answers to the streams. */
import { StargazerError } from "../../errors.ts";
import type { RedisClient } from "../../redis/client.ts";
import { runScript, script } from "../../redis/script.ts";
import type { Inbound, Outbound } from "./envelope.ts";
import { problemOf, toFields } from "./envelope.ts";
import { messageKeys } from "./keys.ts";

/**
 * Writes the reply unless the message has one, and acknowledges the message, in one step. A Redis whose memory is full
 * refuses SET and XADD only as the first write, so a PEXPIRE comes before them: what was accepted is answered.
 * KEYS inbound, outbound, answered. ARGV group, id, rememberMs, the reply's fields.
 * Returns 1 if the reply was written, 0 if the message had one or was settled by another worker.
 */
const replyScript = script(`
if not redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1] then return 0 end
redis.call('PEXPIRE', KEYS[3], ARGV[3])
local first = redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', ARGV[3])
if first then redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4)) end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return first and 1 or 0`);

/** ms for which an answered message is known by its id; far longer than any redelivery takes. */
const rememberMs = 3_600_000;

const checked = <T extends Inbound | Outbound>(envelope: T): T => {
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
  readonly text: string;
  /** ms since the epoch */
  readonly at: number;
}

/**
 * Writes the answer of a message and acknowledges the message, in one step. Resolves with whether this was its answer: false means
 * that it had one, or was taken over and settled by another worker. Rejects with `SG_ERR_MESSAGE_INVALID` or Redis' error.
 */
export const reply = async (redis: RedisClient, { group, entryId, message, text, at }: Reply): Promise<boolean> => {
  const { id: to, platform, channel } = message;
  const answer = checked({ id: `re:${to}`, platform, channel, text, to, at });
  const keys = messageKeys(redis);
  const touched = [keys.inbound, keys.outbound(platform), keys.answered(to)];
  return (await runScript(redis, replyScript, { keys: touched, args: [group, entryId, rememberMs, ...toFields(answer)] })) === 1;
};
