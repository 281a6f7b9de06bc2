/**
 * The Lua scripts of the lanes: the arrows of `message.machine.ts`. Nothing else writes these keys, each script is one step, and each
 * declares every key. A lane is leased to one worker under a token; a call with another token changes nothing.
 *
 * A head is `token:before:failures:lost:id`: the token of the attempt under way (0: none), the token from whose settling it was taken
 * (0: taken by a claim), how often the message failed, how often its lease ended without an answer, and the message.
 */
import { script } from "../redis/script.ts";
import { common, routing, taking } from "./lane-lua.ts";

/** The one name under which a group reads, so that nothing is pending under the name of a worker that died. */
export const router = "router";

/**
 * Creates stream and group unless they are there; a new group begins behind what has been routed, else with the oldest entry. Routes what
 * is pending and not in its lane: after an upgrade, or where a key was deleted.
 * KEYS stream, waiting, lanes, heads, fence, routed. ARGV group, consumer, then the names of the lane's fields. Returns how many were routed.
 */
export const joinScript = script(`${common}${taking}${routing(3)}
local from = redis.call('EXISTS', stream) == 1 and redis.call('GET', KEYS[6]) or '0'
redis.pcall('XGROUP', 'CREATE', stream, ARGV[1], from, 'MKSTREAM')
local count = redis.call('XPENDING', stream, ARGV[1])[1]
local known = redis.call('ZCARD', waiting)
if count == known and (known == 0 or redis.call('EXISTS', lanes) == 1) then return 0 end
local routed, cursor = 0, '0-0'
repeat
  local found = redis.call('XAUTOCLAIM', stream, ARGV[1], ARGV[2], 0, cursor, 'COUNT', 500)
  cursor = found[1]
  for _, entry in ipairs(found[2]) do
    if entry and entry[2] then
      local lane = laneOf(entry[1], entry[2])
      redis.call('ZADD', waiting, 0, lane .. '\\0' .. padded(entry[1]))
      redis.call('ZADD', lanes, 'NX', after(0), lane)
      routed = routed + 1
    end
  end
until cursor == '0-0'
return routed`);

/**
 * Gives an attempt up: counted as a failure, after which the lane rests, so that no later message overtakes; or uncounted, by a worker
 * that stops. KEYS lanes, heads. ARGV lane, id, token, restUs, counted (1 or 0). Returns 1, or 0 where the lease is over.
 */
export const giveUpScript = script(`${common}
local lanes, heads, lane = KEYS[1], KEYS[2], ARGV[1]
local head = parsed(redis.call('HGET', heads, lane))
if not isOf(head, ARGV[3], ARGV[2]) then return 0 end
redis.call('ZREM', lanes, lane)
redis.call('HSET', heads, lane, written(0, 0, head.failures + ARGV[5], head.lost, head.id))
redis.call('ZADD', lanes, after(ARGV[4]), lane)
return 1`);

/**
 * Prolongs the leases of lanes. KEYS lanes, heads. ARGV leaseUs, then lane and token of each. Returns the tokens whose lease is over.
 */
export const renewScript = script(`${common}
local lanes, heads = KEYS[1], KEYS[2]
local over = {}
redis.call('ZREM', lanes, '')
for at = 2, #ARGV, 2 do
  if isOf(parsed(redis.call('HGET', heads, ARGV[at])), ARGV[at + 1]) then redis.call('ZADD', lanes, after(ARGV[1]), ARGV[at])
  else over[#over + 1] = tonumber(ARGV[at + 1]) end
end
return over`);
