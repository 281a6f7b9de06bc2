/**
 * The Lua scripts of the lanes: the arrows of `message.machine.ts`. Nothing else writes these keys, each script is one step, and each
 * declares every key. A lane is leased to one worker under a token; a call with another token changes nothing.
 *
 * A head is `token:before:failures:lost:id`: the token of the attempt under way (0: none), the token from whose settling it was taken
 * (0: taken by a claim), how often the message failed, how often its lease ended without an answer, and the message.
 */
import { commandsLua } from "../redis/commands.ts";
import { script } from "../redis/script.ts";

/**
 * KEYS stream, waiting, lanes, heads, fence, in the scripts that have them. The first write of each is one that a Redis whose memory is
 * full accepts and that changes nothing, so that it accepts those behind it: what was accepted is answered.
 */
const common = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function after(us) return string.format('%.0f', now + us) end
local function padded(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #seq) .. seq
end
local function headOf(heads, lane)
  local head = redis.call('HGET', heads, lane)
  if not head then return {} end
  local token, before, failures, lost, id = string.match(head, '^(%d+):(%d+):(%d+):(%d+):(.+)$')
  return { token = token, before = before, failures = failures, lost = lost, id = id }
end
local function isOf(head, token, id)
  return token ~= '0' and head.token == token and (not id or head.id == id)
end
local function write(heads, lane, token, before, failures, lost, id)
  redis.call('HSET', heads, lane, string.format('%s:%s:%d:%d:%s', token, before, failures, lost, id))
end
`;

/** How a lane's first message is found and leased. */
const taking = `
local stream, waiting, lanes, heads, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
redis.call('ZREM', lanes, '')
local function firstOf(lane)
  local member = redis.call('ZRANGEBYLEX', waiting, '[' .. lane .. '\\0', '(' .. lane .. '\\1', 'LIMIT', 0, 1)[1]
  if not member then return nil end
  local ms, seq = string.match(member, '^0*(%d+)-0*(%d+)$', #lane + 2)
  return ms .. '-' .. seq
end
local function shown(lane, id, token, failures, lost, maxBytes)
  local entry = redis.call('XRANGE', stream, id, id)[1]
  local fields = entry and entry[2] or false
  if fields then
    local bytes = 0
    for _, part in ipairs(fields) do bytes = bytes + #part end
    if bytes > maxBytes then fields = bytes end
  end
  return { lane, id, tonumber(token), tonumber(failures), tonumber(lost), fields }
end
local function take(lane, id, before, failures, lost, leaseUs, maxBytes)
  local token = redis.call('INCR', fence)
  write(heads, lane, token, before, failures, lost, id)
  redis.call('ZADD', lanes, after(leaseUs), lane)
  return shown(lane, id, token, failures, lost, maxBytes)
end
`;

/** Which lane an entry belongs to; one without a lane, or with one that could not be a key's part, has a lane of its own. */
const routing = (firstField: number): string => `
local function laneOf(id, fields)
  local own = '!' .. id
  local values = {}
  for at = ${firstField}, #ARGV do
    local value
    for place = 1, math.min(#fields, 128), 2 do
      if fields[place] == ARGV[at] then value = fields[place + 1] break end
    end
    if not value then return own end
    values[#values + 1] = value
  end
  local lane = table.concat(values, '/')
  if lane == '' or #lane > 300 or string.find(lane, '%c') or string.sub(lane, 1, 1) == '!' then return own end
  return lane
end
local function route(id, fields)
  local lane = laneOf(id, fields)
  redis.call('ZADD', waiting, 0, lane .. '\\0' .. padded(id))
  redis.call('ZADD', lanes, 'NX', after(0), lane)
end
`;

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
      route(entry[1], entry[2])
      routed = routed + 1
    end
  end
until cursor == '0-0'
return routed`);

/**
 * Routes what the group has not read, in the order of the stream, so that a conversation has its place among the lanes however many
 * messages of others are before it; and takes the lanes that are due longest. A lane whose lease has ended is due again, so its message
 * is taken once more.
 * KEYS stream, waiting, lanes, heads, fence, routed. ARGV group, consumer, leaseUs, wanted, entries to route at most, maxBytes, then the
 * names of the lane's fields.
 * Returns the id of the last entry that is routed, the µs until a lane is due (nil: there is none), whether there may be more to route,
 * and {lane, id, token, failures, lost, fields} of each message: fields is nil where the entry is gone, and a number of bytes where it
 * has more than maxBytes.
 */
export const claimScript = script(`${common}${taking}${routing(7)}
local wanted, limit, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local last, isMore
local got = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', limit, 'STREAMS', stream, '>')
if got then
  local entries = got[1][2]
  for _, entry in ipairs(entries) do route(entry[1], entry[2]) end
  last = entries[#entries][1]
  isMore = #entries == limit
  redis.call('SET', KEYS[6], last)
end
local taken = {}
for _, lane in ipairs(redis.call('ZRANGEBYSCORE', lanes, '-inf', after(0), 'LIMIT', 0, wanted)) do
  local id = firstOf(lane)
  if id then
    local head = headOf(heads, lane)
    local failures, lost = 0, 0
    if head.id == id then
      failures = head.failures
      lost = head.token == '0' and head.lost or head.lost + 1
    end
    taken[#taken + 1] = take(lane, id, 0, failures, lost, tonumber(ARGV[3]), maxBytes)
  else
    redis.call('ZREM', lanes, lane)
    redis.call('HDEL', heads, lane)
  end
end
local due = redis.call('ZRANGE', lanes, 0, 0, 'WITHSCORES')[2]
return { last or redis.call('GET', KEYS[6]) or '0-0', due and string.format('%.0f', due - now) or false, isMore and 1 or 0, taken }`);

/**
 * Settles a message: runs the commands, acknowledges it and, where that is asked for, takes the next one of its lane. A second call after
 * an unknown outcome changes nothing and returns the same next message, which nothing else can have taken under that token.
 * KEYS stream, waiting, lanes, heads, fence, then what the commands touch. ARGV group, lane, id, token, leaseUs, whether to go on (1),
 * maxBytes, then the commands. Returns {0} where the lease is over; {1}; or {1, the next message as in claim, or 0 where the lane has
 * more but is handed on}.
 */
export const settleScript = script(`${common}${taking}${commandsLua}
local group, lane, id, token, maxBytes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[7])
local head = headOf(heads, lane)
if not isOf(head, token, id) then
  if token == '0' or head.before ~= token or head.token == '0' then return { 0 } end
  return { 1, shown(lane, head.id, head.token, head.failures, head.lost, maxBytes) }
end
runCommands(8)
redis.call('XACK', stream, group, id)
redis.call('ZREM', waiting, lane .. '\\0' .. padded(id))
local following = firstOf(lane)
if following and ARGV[6] == '1' then
  return { 1, take(lane, following, token, 0, 0, tonumber(ARGV[5]), maxBytes) }
end
redis.call('HDEL', heads, lane)
if following then
  redis.call('ZADD', lanes, after(0), lane)
  return { 1, 0 }
end
redis.call('ZREM', lanes, lane)
return { 1 }`);

/**
 * Gives an attempt up: counted as a failure, after which the lane rests, so that no later message overtakes; or uncounted, by a worker
 * that stops. KEYS lanes, heads. ARGV lane, id, token, restUs, counted (1 or 0). Returns 1, or 0 where the lease is over.
 */
export const giveUpScript = script(`${common}
local lanes, heads, lane = KEYS[1], KEYS[2], ARGV[1]
local head = headOf(heads, lane)
if not isOf(head, ARGV[3], ARGV[2]) then return 0 end
redis.call('ZREM', lanes, lane)
write(heads, lane, 0, 0, head.failures + ARGV[5], head.lost, head.id)
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
  if isOf(headOf(heads, ARGV[at]), ARGV[at + 1]) then redis.call('ZADD', lanes, after(ARGV[1]), ARGV[at])
  else over[#over + 1] = tonumber(ARGV[at + 1]) end
end
return over`);
