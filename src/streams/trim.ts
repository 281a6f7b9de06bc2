/** The end of every stream: entries are dropped once they are old and every group that reads them has settled them. */
import { messageOf } from "../errors.ts";
import type { WordedLogger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import { runScript, script } from "../redis/script.ts";
import type { Waiting } from "../until.ts";

/** How long the entries of a stream are kept. */
export interface Retention {
  /** the stream's key */
  readonly stream: string;
  /** the groups that have to read and settle an entry before it is dropped; a group that is not listed keeps nothing */
  readonly groups: readonly string[];
  /** ms for which an entry is kept */
  readonly retainMs: number;
  /** entries that are kept at most, settled or not. Default: any number */
  readonly maxLength?: number;
  /** settled entries that are kept, about: with more, the older part of them is dropped before its time. Default: any number */
  readonly maxSettled?: number;
}

export interface TrimOptions extends Waiting {
  readonly redis: RedisClient;
  readonly retentions: readonly Retention[];
  readonly log: WordedLogger;
  /** ms between two passes over a stream, of all processes together. Default 60000 */
  readonly everyMs?: number;
}

/**
 * Drops old entries, in one pass a period of all processes together: the first one that asks has the turn. Dropping is repeatable, so
 * it needs no leader. Where a listed group is not there yet, nothing is dropped.
 * KEYS stream, turn. ARGV periodMs, retainMs, maxLength and maxSettled (0: any), groups. Returns how many were dropped.
 */
const trimScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[1]) then return 0 end
local function lower(a, b)
  local ams, aseq = string.match(a, '^(%d+)-(%d+)$')
  local bms, bseq = string.match(b, '^(%d+)-(%d+)$')
  ams, aseq, bms, bseq = tonumber(ams), tonumber(aseq), tonumber(bms), tonumber(bseq)
  return ams < bms or (ams == bms and aseq < bseq)
end
local time = redis.call('TIME')
local now, retained, length = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[2]), redis.call('XLEN', KEYS[1])
if ARGV[4] ~= '0' and length > tonumber(ARGV[4]) then
  local oldest = string.match(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1], '^%d+')
  retained = math.min(retained, math.floor((now - oldest) * ARGV[4] / length))
end
local floor = string.format('%.0f-0', math.max(0, now - retained))
local delivered = {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for at = 1, #flat, 2 do group[flat[at]] = flat[at + 1] end
  delivered[group.name] = group['last-delivered-id']
end
for at = 5, #ARGV do
  if not delivered[ARGV[at]] then return 0 end
  local oldest = redis.call('XPENDING', KEYS[1], ARGV[at])[2] or delivered[ARGV[at]]
  if lower(oldest, floor) then floor = oldest end
end
local dropped = redis.call('XTRIM', KEYS[1], 'MINID', floor)
if ARGV[3] ~= '0' then dropped = dropped + redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[3]) end
return dropped`);

/** Makes one pass if one is due. Resolves with the number of entries dropped. */
export const trim = async (redis: RedisClient, retention: Retention, periodMs: number): Promise<number> => {
  const { stream, groups, retainMs, maxLength = 0, maxSettled = 0 } = retention;
  const call = { keys: [stream, `${stream}:trimmed`], args: [periodMs, retainMs, maxLength, maxSettled, ...groups] };
  return (await runScript(redis, trimScript, call)) as number;
};

/** Trims the streams until the signal aborts. A pass that fails is logged. Never rejects. */
export const keepTrimmed = async ({ redis, retentions, log, signal, everyMs = 60_000 }: TrimOptions): Promise<void> => {
  while (!signal.aborted) {
    for (const retention of retentions) {
      const { stream } = retention;
      // of many processes, the one that asks first after the period has the turn
      const dropped = await trim(redis, retention, Math.ceil(everyMs * 0.9)).catch((error: unknown) => {
        const reason = messageOf(error);
        if (!signal.aborted) log.warn({ type: "stream.untrimmed", stream, reason }, `${stream} is not trimmed: ${reason}`);
        return 0;
      });
      if (dropped > 0) log.debug({ type: "stream.trimmed", stream, dropped }, `${dropped} old entries of ${stream} are dropped`);
    }
    await pause(everyMs, { signal });
  }
};
