/** The Lua scripts of the streams. An entry's id stands for the entry; a group's pending list names the consumer that has it. */
import { script } from "../redis/script.ts";

/**
 * Claims entries that no consumer has touched for a while. Unlike plain XAUTOCLAIM it returns how often each was delivered.
 * KEYS stream. ARGV group, consumer, minIdleMs, cursor, count. Returns the next cursor, then {id, fields, deliveries} each.
 */
export const claimScript = script(`
local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
local answer = { found[1] }
for _, entry in ipairs(found[2]) do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)[1]
  if entry[2] and pending then answer[#answer + 1] = { entry[1], entry[2], pending[4] } end
end
return answer`);

/**
 * Resets the idle time of entries that are still the consumer's, so that no other consumer claims them while they are worked on.
 * KEYS stream. ARGV group, consumer, ids. Returns the ids that are still the consumer's.
 */
export const touchScript = script(`
local ours = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  if redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])[1] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
    ours[#ours + 1] = id
  end
end
return ours`);

/**
 * Delivers an entry to its consumer once more.
 * KEYS stream. ARGV group, consumer, id. Returns how often it has been delivered by now, or 0 where it is no longer the consumer's.
 */
export const againScript = script(`
if not redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])[1] then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3])
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])[1]
return pending and pending[4] or 0`);

/**
 * Moves an entry to the dead letters and acknowledges it, in one step. Its fields are kept as they were, as a JSON list.
 * A Redis whose memory is full refuses XADD only as the first write, so an XACK of nothing comes before it.
 * KEYS stream, deadLetters. ARGV group, id, reason, attempts, nowMs. Returns 1, or 0 where it was settled already.
 */
export const buryScript = script(`
if not redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1] then return 0 end
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
redis.call('XACK', KEYS[1], ARGV[1], '0-0')
redis.call('XADD', KEYS[2], '*', 'stream', KEYS[1], 'group', ARGV[1], 'entry', ARGV[2], 'reason', ARGV[3],
  'attempts', ARGV[4], 'at', ARGV[5], 'fields', entry and cjson.encode(entry[2]) or '[]')
return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])`);

/**
 * Makes the consumer's pending entries claimable at once, and deletes a consumer without any. (Deleting one with pending entries
 * would lose them.)
 * KEYS stream. ARGV group, consumer, idleMs. Returns how many entries are left to others.
 */
export const leaveScript = script(`
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])
for _, entry in ipairs(pending) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry[1], 'IDLE', ARGV[3], 'JUSTID')
end
if #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return #pending`);

/**
 * Drops entries that every group has read and acknowledged, once they are old. Without a group nothing is dropped.
 * KEYS stream. ARGV retainMs. Returns how many were dropped.
 */
export const trimScript = script(`
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function lower(a, b)
  local ams, aseq = parts(a)
  local bms, bseq = parts(b)
  return ams < bms or (ams == bms and aseq < bseq)
end
local time = redis.call('TIME')
local floor = string.format('%.0f-0', math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]))
local groups = redis.call('XINFO', 'GROUPS', KEYS[1])
if #groups == 0 then return 0 end
for _, flat in ipairs(groups) do
  local group = {}
  for at = 1, #flat, 2 do group[flat[at]] = flat[at + 1] end
  local oldest = redis.call('XPENDING', KEYS[1], group.name)[2] or group['last-delivered-id']
  if lower(oldest, floor) then floor = oldest end
end
return redis.call('XTRIM', KEYS[1], 'MINID', floor)`);

/**
 * Deletes consumers that have been idle for long and have no entries: every worker that was killed leaves one behind.
 * KEYS stream. ARGV group, retainMs. Returns how many were deleted.
 */
export const forgetScript = script(`
local deleted = 0
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for at = 1, #flat, 2 do consumer[flat[at]] = flat[at + 1] end
  if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    deleted = deleted + 1
  end
end
return deleted`);
