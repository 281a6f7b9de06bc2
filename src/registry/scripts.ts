/**
 * The registry's writes, one Lua script each. Every one compares and acts in one step: a write that arrives late, from an older boot
 * or behind the boot's own delete, changes nothing, on any connection.
 *
 * A boot is (incarnation, boot id), ordered by incarnation and then by id. Numbers travel as text, because Lua shortens large
 * ones (`%.0f` writes them whole); one that a double cannot hold is no incarnation.
 *
 * A Redis whose memory is full (`noeviction`) refuses a SET, ZADD or XADD only as a script's first write. A script that has to happen
 * begins with a write that needs no memory (PEXPIRE, DEL, ZREM), and its later writes are accepted.
 *
 * The keys of the journal are given where the service writes one. What fails about them fails alone.
 */
import { script } from "../redis/script.ts";
import { journalLength } from "./keys.ts";

/** Reading boots: of the entry, of the tombstone, and which of two is newer. KEYS entry, tombstone. */
const boots = `
local function boot(text, pattern)
  local n, id = string.match(text or '', pattern)
  if not n or #n > 16 or tonumber(n) > 9007199254740991 then return nil end
  return { n = tonumber(n), id = id }
end
local function holder() return boot(redis.call('GETRANGE', KEYS[1], 0, 80), '^{"incarnation":(%d+),"boot":"(%x+)"') end
local function tombstone() return boot(redis.call('GET', KEYS[2]) or '', '^(%d+) (%x+)$') end
local function newer(a, b) return a.n > b.n or (a.n == b.n and a.id > b.id) end
local function same(a, b) return a.n == b.n and a.id == b.id end
`;

/** What the writes share: `publish` adds an event, `index` keeps the end of the lease. KEYS and ARGV as in `registerScript`. */
const writes = `${boots}
local me = { n = tonumber(ARGV[1]), id = ARGV[2] }
local function nowMs() local t = redis.call('TIME'); return t[1] * 1000 + math.floor(t[2] / 1000) end
local function publish(type, status, since)
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 10000, '*', 'type', type, 'service', ARGV[3], 'instance', ARGV[4],
    'incarnation', ARGV[1], 'boot', ARGV[2], 'status', status, 'since', since)
end
local function superseded()
  local ok, twin = pcall(cjson.decode, redis.call('GET', KEYS[1]))
  if not ok or type(twin) ~= 'table' then twin = {} end
  return { 'superseded', tostring(twin.host or 'unknown'), tostring(twin.pid or 0) }
end
local function know()
  if KEYS[6] then redis.pcall('HSET', KEYS[6], ARGV[4], ARGV[9]) end
end
local function index(ttl)
  local fresh = redis.call('ZADD', KEYS[3], string.format('%.0f', nowMs() + ttl), ARGV[4])
  if fresh == 1 then redis.call('SADD', KEYS[4], ARGV[3]) end
end
`;

/**
 * Draws the incarnation for a boot: max(last + 1, Redis TIME in µs), where last is of the entry or the tombstone. Reads only.
 * KEYS entry, tombstone. Returns the number as text.
 */
export const drawScript = script(`${boots}
local t = redis.call('TIME')
local drawn = t[1] * 1000000 + t[2]
local held, gone = holder(), tombstone()
if held then drawn = math.max(drawn, held.n + 1) end
if gone then drawn = math.max(drawn, gone.n + 1) end
return string.format('%.0f', drawn)`);

/**
 * Writes the entry of a boot unless a newer one has it, or this or a newer one has deregistered. The same boot may repeat it.
 * KEYS entry, tombstone, index, services, events, known. ARGV incarnation, boot id, service, instance, ttl ms, JSON, status, since, and
 * what the reaper is to know of it. Returns {'ok'} | {'superseded', host, pid} | {'released'}.
 */
export const registerScript = script(`${writes}
local gone = tombstone()
if gone and not newer(me, gone) then return { 'released' } end
local held = holder()
if held and newer(held, me) then return superseded() end
redis.call('SET', KEYS[1], ARGV[6], 'PX', ARGV[5])
index(ARGV[5])
know()
publish(held and same(held, me) and 'updated' or 'registered', ARGV[7], ARGV[8])
return { 'ok' }`);

/**
 * Prolongs the entry of a boot, and rewrites it where JSON is given. Never creates an entry; restores a lost index.
 * KEYS and ARGV as in `registerScript`; JSON may be ''. Returns {'ok'} | {'gone'} | {'superseded', host, pid}.
 *
 * Beats are the most frequent writes, so the beat that finds its own entry comes first and defines no function.
 */
export const renewScript = script(`
local mine = '{"incarnation":' .. ARGV[1] .. ',"boot":"' .. ARGV[2] .. '"'
if ARGV[6] == '' and redis.call('GETRANGE', KEYS[1], 0, #mine - 1) == mine then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  local t = redis.call('TIME')
  local ends = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[5])
  if redis.call('ZADD', KEYS[3], ends, ARGV[4]) == 1 then redis.call('SADD', KEYS[4], ARGV[3]) end
  return { 'ok' }
end
${writes}
local held = holder()
if held and newer(held, me) then return superseded() end
if not held or not same(held, me) then return { 'gone' } end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if ARGV[6] ~= '' then
  redis.call('SET', KEYS[1], ARGV[6], 'PX', ARGV[5])
  know()
  publish('updated', ARGV[7], ARGV[8])
end
index(ARGV[5])
return { 'ok' }`);

/**
 * Deletes the entry of a boot if it is still its own, and leaves a tombstone in any case, so that a write of that boot which is
 * still on its way is refused. The tombstone of a newer boot stays instead, for as long as this one would have. The delete comes
 * first: no later write can prevent it.
 *
 * The journal gets how the boot ends so far; its last message follows, and counts the stop. Should that not come, the boot counts as
 * expired from a time on.
 * KEYS entry, tombstone, index, services, events, known, journal, ending. ARGV incarnation, boot id, service, instance, tombstone ms;
 * version, items, place among the ending, ms until that counts. Returns {'ok'} | {'gone'}.
 */
export const deregisterScript = script(`${writes}
local gone, held = tombstone(), holder()
local mine = held and same(held, me)
if mine then redis.call('DEL', KEYS[1]) end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
if not gone or not newer(gone, me) then
  redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[5])
end
if KEYS[6] then
  if mine then redis.pcall('HDEL', KEYS[6], ARGV[4]) end
  redis.pcall('ZADD', KEYS[8], string.format('%.0f', nowMs() + ARGV[9]), ARGV[8])
  redis.pcall('XADD', KEYS[7], 'MAXLEN', '~', ${journalLength}, '*', 'service', ARGV[3], 'instance', ARGV[4],
    'incarnation', ARGV[1], 'boot', ARGV[2], 'version', ARGV[6], 'items', ARGV[7])
end
if not mine then return { 'gone' } end
redis.call('ZREM', KEYS[3], ARGV[4])
if redis.call('ZCARD', KEYS[3]) == 0 then redis.call('SREM', KEYS[4], ARGV[3]) end
publish('deregistered', '', '')
return { 'ok' }`);

/** fields of the ends; a counter that begins again is no harm, and one that grows with each release for ever is */
export const endsLimit = 10_000;

/** `count` counts a stop, which is not the script's first write. `ends`: the key. */
export const counting = `
local function count(ends, field)
  if redis.call('HLEN', ends) >= ${endsLimit} and redis.call('HEXISTS', ends, field) == 0 then redis.call('DEL', ends) end
  redis.call('HINCRBY', ends, field, 1)
end
`;

/** `countOverdue` counts those among the ending whose last message is overdue. `ends` and `ending`: keys. */
export const countOverdue = `${counting}
local function countOverdue(ends, ending, now)
  for _, place in ipairs(redis.call('ZRANGEBYSCORE', ending, '-inf', now, 'LIMIT', 0, 1000)) do
    redis.call('ZREM', ending, place)
    local field = string.match(place, '^%x* (.+)$')
    if field then count(ends, field) end
  end
end
`;

/** what the end of a lease in the index is less while it waits to be counted, in ms: no live lease ends then */
export const uncountedMs = 1_000_000_000_000_000;

/** ms that an ended lease waits for a reader that may count it: 1 day */
const countedWithinMs = 86_400_000;

/**
 * Counts an ended lease, and adds it to the journal with what was last known of it. `isDone`: false where that is left to a reader that may
 * write the journal, which is asked before the first write.
 */
const endedLeases = `${counting}
local function encoded(value) return (string.gsub(cjson.encode(value), '\\\\/', '/')) end
local function isAllowed(...)
  local reply = redis.pcall(...)
  local text = type(reply) == 'table' and reply.err or ''
  return not (string.find(text, 'ermissions', 1, true) or string.find(text, 'executing the script', 1, true))
end
local may
local function mayCount()
  if may == nil then
    may = KEYS[5] ~= nil and isAllowed('HGET', KEYS[5], '') and isAllowed('HDEL', KEYS[5], '') and isAllowed('XADD', KEYS[6], '0-0', '', '')
      and isAllowed('HLEN', KEYS[7]) and isAllowed('HEXISTS', KEYS[7], '') and isAllowed('HINCRBY', KEYS[7], '', 'none')
  end
  return may
end
local function note(instance, ended)
  local ok, known = pcall(cjson.decode, redis.call('HGET', KEYS[5], instance) or '')
  if not ok or type(known) ~= 'table' then return end
  redis.call('HDEL', KEYS[5], instance)
  local state, boot, version = tostring(known[1]), tostring(known[2]), tostring(known[3])
  count(KEYS[7], encoded({ ARGV[1], version, 'expired' }))
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', ${journalLength}, '*', 'service', ARGV[1], 'instance', instance,
    'incarnation', '0', 'boot', boot, 'version', version, 'items', encoded({ { 'expired', math.max(0, now - ended), state, version } }))
end
local function isDone(instance, ended)
  if mayCount() then pcall(note, instance, ended) end
  return may or now - ended > ${countedWithinMs}
end
`;

/**
 * Takes the ended leases of one service out of its index and publishes each once, however many readers call it. Those of boots that write a
 * journal are counted, and are in the journal with what was last known of them. A reader that may not write the journal leaves that to the
 * next one which may: in the index their end is less by `uncountedMs` until then, a day at most.
 * KEYS index, services, events, the entries' keys up to the instance, known, journal, ends. ARGV service, limit.
 * Returns how many instances the index has left.
 */
export const reapScript = script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local uncounted = ${uncountedMs}
${endedLeases}
local function endedWithin(from, to) return redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'WITHSCORES', 'LIMIT', 0, ARGV[2]) end
local due, waiting = endedWithin('0', string.format('(%.0f', now)), endedWithin('-inf', '(0')
for at = 1, #due, 2 do
  local instance, ended = due[at], tonumber(due[at + 1])
  local left = redis.call('PTTL', KEYS[4] .. instance)
  redis.call('ZREM', KEYS[1], instance)
  if left > 0 then
    redis.call('ZADD', KEYS[1], string.format('%.0f', now + left), instance)
  else
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'type', 'expired', 'service', ARGV[1], 'instance', instance,
      'incarnation', '0', 'boot', '', 'status', '', 'since', '')
    if not isDone(instance, ended) then redis.call('ZADD', KEYS[1], string.format('%.0f', ended - uncounted), instance) end
  end
end
for at = 1, #waiting, 2 do
  if isDone(waiting[at], tonumber(waiting[at + 1]) + uncounted) then redis.call('ZREM', KEYS[1], waiting[at]) end
end
local left = redis.call('ZCARD', KEYS[1])
if left == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
return left`);
