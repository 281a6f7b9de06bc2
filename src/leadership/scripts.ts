/** The Lua scripts of an election. `lock` is the holder's token, with a TTL; `fence` is the last fencing token, without one. */
import { commandsLua } from "../redis/commands.ts";
import { script } from "../redis/script.ts";

/**
 * Takes the lock if it is free, or the asking holder's. The fencing token grows with every term, also after a flush: it is the
 * larger of last + 1 and Redis TIME in µs. The DEL lets a Redis whose memory is full accept the two SETs: what a leader does may be
 * what frees memory.
 * KEYS lock, fence. ARGV holder, ttlMs. Returns the new fencing token as a string, or nil where another holder has the lock.
 */
export const takeScript = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return false end
local time = redis.call('TIME')
local fence = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, time[1] * 1000000 + time[2])
local text = string.format('%.0f', fence)
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], text)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return text`);

/**
 * Prolongs the lock if it is still the holder's, of that term.
 * KEYS lock, fence. ARGV holder, ttlMs, fence. Returns 1, or 0 where it is not.
 */
export const renewScript = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/**
 * Deletes the lock if it is the holder's. Raises the fence, also where the lock has expired, unless a newer term of another holder
 * has begun: a commit of the ended term that arrives later is refused. The delete comes first, also of a lock that has expired: a
 * Redis whose memory is full would refuse SET as the first write.
 * KEYS lock, fence. ARGV holder, fence of the holder's last term (0: it has had none). Returns 1 if the lock was the holder's, else 0.
 */
export const releaseScript = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
local deleted = redis.call('DEL', KEYS[1])
local term, last = tonumber(ARGV[2]), tonumber(redis.call('GET', KEYS[2]) or '0')
if deleted == 1 or (term > 0 and term >= last) then
  redis.call('SET', KEYS[2], string.format('%.0f', math.max(term, last) + 1))
end
return deleted`);

/**
 * Runs commands unless a newer token than the caller's was issued, or the value of the condition (`still`) has changed. A command that Redis
 * refuses stops the rest.
 * KEYS fence, the key of the condition if there is one, then every key that the commands touch.
 * ARGV fence, the value ('' for none; an absent key has '0'), then the commands.
 * Returns 1, or 0 where the term is over or the value has changed, and nothing was done.
 */
export const commitScript = script(`${commandsLua}
if tonumber(redis.call('GET', KEYS[1]) or '0') > tonumber(ARGV[1]) then return 0 end
if ARGV[2] ~= '' and (redis.call('GET', KEYS[2]) or '0') ~= ARGV[2] then return 0 end
runCommands(3, #ARGV)
return 1`);
