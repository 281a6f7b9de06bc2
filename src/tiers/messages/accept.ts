/**
 * How a message is accepted: one script numbers it, refuses it while too much is unanswered, and writes it for the workers and into
 * the log of its conversation. A client that did not receive the reply repeats the same number, which is then accepted once.
 */
import { messageOf, StargazerError } from "../../errors.ts";
import type { RedisClient } from "../../redis/client.ts";
import { runScript, script } from "../../redis/script.ts";
import { logKeptMs, logLength } from "./answer.ts";
import type { Inbound } from "./envelope.ts";
import { problemOf } from "./envelope.ts";
import { messageKeys } from "./keys.ts";

/** How many messages may be without an answer. */
export interface Backlog {
  /** of one conversation; default 50 */
  readonly unansweredPerConversation: number;
  /** of all conversations of the fleet; default 10000 */
  readonly unanswered: number;
}

export const defaultBacklog: Backlog = { unansweredPerConversation: 50, unanswered: 10_000 };

/** The place of a message among those of one page. */
export interface Numbered {
  /** names the page within its conversation */
  readonly page: string;
  /** 1 for its first message, then one more for each */
  readonly n: number;
}

/**
 * `accepted`: Redis has the message; `line` is its id in the log. `again`: it was accepted before, and nothing was written. `gap`: the
 * messages from `n` on have not been accepted, send on from there. `busy`: nothing was written, since too much is unanswered, or the memory of Redis is full.
 */
export type Acceptance =
  | { readonly type: "accepted"; readonly line: string }
  | { readonly type: "again" }
  | { readonly type: "gap"; readonly n: number }
  | { readonly type: "busy"; readonly reason: "conversation" | "fleet" | "memory" };

/** ms for which the numbers of a conversation are kept after its last message: 7 days */
const sentKeptMs = 7 * 86_400_000;
/** ms after which a message without an answer no longer counts: in its conversation, counted from the last one, and in the fleet */
const openKeptMs = 3_600_000;
const allOpenKeptMs = 86_400_000;
/** pages whose numbers are kept for one conversation; with one more they begin anew */
const maxPages = 256;

/**
 * The first write is an XADD, which a Redis whose memory is full refuses: then nothing is written.
 * KEYS sent, open, allOpen, inbound, log.
 * ARGV page, n (0: not numbered), id, platform, channel, author, text, at, perConversation, inAll, sentKeptMs, openKeptMs, allOpenKeptMs,
 * logKeptMs, logLength, maxPages, traceparent (empty: none). Returns {type, value}.
 */
const acceptScript = script(`
local page, n, id, at = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[8])
if n > 0 then
  local last = tonumber(redis.call('HGET', KEYS[1], page) or '0')
  if n <= last then return { 'again', '' } end
  if n > last + 1 then return { 'gap', last + 1 } end
end
if redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[9]) then return { 'busy', 'conversation' } end
local since = string.format('%.0f', at - ARGV[13])
if redis.call('ZCOUNT', KEYS[3], since, '+inf') >= tonumber(ARGV[10]) then return { 'busy', 'fleet' } end
local trace = ARGV[17] == '' and {} or { 'traceparent', ARGV[17] }
redis.call('XADD', KEYS[4], '*',
  'id', id, 'platform', ARGV[4], 'channel', ARGV[5], 'author', ARGV[6], 'text', ARGV[7], 'at', ARGV[8], unpack(trace))
local line = redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[15], '*',
  'role', 'user', 'id', id, 'author', ARGV[6], 'text', ARGV[7], 'at', ARGV[8], 'to', '')
redis.call('PEXPIRE', KEYS[5], ARGV[14])
redis.call('SADD', KEYS[2], id)
redis.call('PEXPIRE', KEYS[2], ARGV[12])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', since)
redis.call('ZADD', KEYS[3], ARGV[8], id)
if n > 0 then
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[16]) and redis.call('HEXISTS', KEYS[1], page) == 0 then redis.call('DEL', KEYS[1]) end
  redis.call('HSET', KEYS[1], page, ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[11])
end
return { 'accepted', line }`);

type Reply = readonly [type: Acceptance["type"], value: string | number];

const read = ([type, value]: Reply): Acceptance => {
  if (type === "accepted") return { type, line: String(value) };
  if (type === "gap") return { type, n: Number(value) };
  return type === "busy" ? { type, reason: value === "fleet" ? "fleet" : "conversation" } : { type };
};

export interface AcceptOptions {
  /** without it the message is not numbered, and a repeated call accepts it again */
  readonly numbered?: Numbered;
  readonly backlog?: Partial<Backlog>;
}

/**
 * Accepts a message, in one step. Once it resolves with `accepted` or `again`, the message is in Redis and gets one answer. After a
 * rejection with Redis' error it may have been accepted: call it again with the same number. Rejects with `SG_ERR_MESSAGE_INVALID`.
 */
export const accept = async (redis: RedisClient, message: Inbound, options: AcceptOptions = {}): Promise<Acceptance> => {
  const { page, n } = options.numbered ?? { page: "", n: 0 };
  const problem = problemOf(message);
  if (problem !== undefined) throw new StargazerError("SG_ERR_MESSAGE_INVALID", `the message was not accepted: ${problem}`);
  const { id, platform, channel, author, text, at, traceparent = "" } = message;
  const { unansweredPerConversation, unanswered } = { ...defaultBacklog, ...options.backlog };
  const keys = messageKeys(redis);
  const touched = [
    keys.sent(platform, channel),
    keys.open(platform, channel),
    keys.allOpen,
    keys.inbound,
    keys.log(platform, channel),
  ];
  const kept = [sentKeptMs, openKeptMs, allOpenKeptMs, logKeptMs];
  const args = [page, n, id, platform, channel, author, text, at, unansweredPerConversation, unanswered];
  const call = { keys: touched, args: [...args, ...kept, logLength, maxPages, traceparent] };
  try {
    return read((await runScript(redis, acceptScript, call)) as Reply);
  } catch (error) {
    // the first write is refused, so nothing was written
    if (/\bOOM command not allowed/.test(messageOf(error))) return { type: "busy", reason: "memory" };
    throw error;
  }
};
