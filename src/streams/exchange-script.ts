/** The Lua script that settles messages and takes others. */
import { commandsLua } from "../redis/commands.ts";
import { script } from "../redis/script.ts";
import { common, routing, taking } from "./lane-lua.ts";

/** messages that one call takes or settles at most: what Lua can hand to one command is bounded */
export const callLimit = 500;

/** Fills `takes` and returns an answer for each message that is settled. */
const settling = `${commandsLua}
local takes, settled, gone, over, ended, ready, goesOn = {}, {}, {}, {}, {}, {}, {}
local function settle(lane, id, token, wantsNext)
  local own, following = lane .. '\\0' .. padded(id), nil
  for _, member in ipairs(redis.call('ZRANGEBYLEX', waiting, '[' .. lane .. '\\0', '(' .. lane .. '\\1', 'LIMIT', 0, 2)) do
    if member ~= own and not following then following = idOf(member, lane) end
  end
  settled[#settled + 1] = id
  gone[#gone + 1] = own
  if following and wantsNext then
    local answer = { 1 }
    takes[#takes + 1] = { lane = lane, id = following, before = token, failures = 0, lost = 0, answer = answer }
    goesOn[lane] = true
    return answer
  end
  over[#over + 1] = lane
  if not following then
    ended[#ended + 1] = lane
    return { 1 }
  end
  ready[#ready + 1] = after(0)
  ready[#ready + 1] = lane
  return { 1, 0 }
end
local function settleAll(at, maxBytes)
  local answers = {}
  if at <= #ARGV then redis.call('ZREM', lanes, '') end
  while at <= #ARGV do
    local lane, id, token, first = ARGV[at], ARGV[at + 1], ARGV[at + 2], at + 5
    local behind = first + ARGV[at + 4]
    local head = parsed(redis.call('HGET', heads, lane))
    local answer = { 0 }
    if isOf(head, token, id) then
      local isDone, problem = pcall(runCommands, first, behind - 1)
      if isDone then answer = settle(lane, id, token, ARGV[at + 3] == '1')
      else answer = { -1, type(problem) == 'table' and problem.err or tostring(problem) } end
    elseif token ~= '0' and head.before == token and head.token ~= '0' then
      head.lane = lane
      answer = { 1, shown(head, maxBytes) }
    end
    answers[#answers + 1] = answer
    at = behind
  end
  if #settled > 0 then redis.call('XACK', stream, ARGV[1], unpack(settled)) end
  callWith('ZREM', waiting, gone)
  callWith('HDEL', heads, over)
  callWith('ZREM', lanes, ended)
  callWith('ZADD', lanes, ready)
  return answers
end
`;

/**
 * Adds to `takes`: lanes that are due, the longest first, then new ones. Where nothing is due, a lane whose time is farther ahead than any
 * lease or rest was given it before the clock was set back: it is due after one lease, by which a live worker has renewed its own.
 */
const claiming = `
local function takeDue(wanted)
  local due = redis.call('ZRANGEBYSCORE', lanes, '-inf', after(0), 'LIMIT', 0, wanted)
  if #due == 0 then return end
  local idle, begun = {}, redis.call('HMGET', heads, unpack(due))
  for at, lane in ipairs(due) do
    local id = firstOf(lane)
    if not id then
      idle[#idle + 1] = lane
    elseif not goesOn[lane] then
      local head = parsed(begun[at])
      local failures, lost = 0, 0
      if head.id == id then
        failures = head.failures
        lost = head.token == '0' and head.lost or head.lost + 1
      end
      takes[#takes + 1] = { lane = lane, id = id, before = 0, failures = failures, lost = lost, answer = false }
    end
  end
  callWith('ZREM', lanes, idle)
  callWith('HDEL', heads, idle)
end
local function route(entries, most)
  local added, known, names, entryOf, unread = {}, {}, {}, {}, {}
  for at, entry in ipairs(entries) do
    local id, lane = entry[1], laneOf(entry[1], entry[2])
    entryOf[id] = entry[2]
    added[2 * at - 1] = 0
    added[2 * at] = lane .. '\\0' .. padded(id)
    if not known[lane] then
      known[lane] = true
      names[#names + 1] = lane
    end
  end
  callWith('ZADD', waiting, added)
  local scores = redis.call('ZMSCORE', lanes, unpack(names))
  for at, lane in ipairs(names) do
    if not scores[at] and #takes < most then
      local id = firstOf(lane)
      takes[#takes + 1] = { lane = lane, id = id, before = 0, failures = 0, lost = 0, fields = entryOf[id], answer = false }
    elseif not scores[at] then
      unread[#unread + 1] = after(0)
      unread[#unread + 1] = lane
    end
  end
  callWith('ZADD', lanes, unread)
end
local function routedBefore()
  local id = redis.call('GET', KEYS[6])
  if id then return id end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = {}
    for at = 1, #flat, 2 do group[flat[at]] = flat[at + 1] end
    if group.name == ARGV[1] then id = group['last-delivered-id'] end
  end
  redis.call('SET', KEYS[6], id)
  return id
end
local function soonest(leaseUs, farUs)
  local late = {}
  for at, lane in ipairs(redis.call('ZRANGEBYSCORE', lanes, after(farUs), '+inf', 'LIMIT', 0, 500)) do
    late[2 * at - 1] = after(leaseUs)
    late[2 * at] = lane
  end
  callWith('ZADD', lanes, late)
  local due = redis.call('ZRANGE', lanes, 0, 0, 'WITHSCORES')[2]
  return due and string.format('%.0f', due - now) or false
end
`;

/**
 * What a worker does in one trip: it settles messages, and takes others. Two arrows of a message's life, each for itself.
 *
 * Settling runs the commands of a message, acknowledges it and, where that is asked for, takes the next one of its lane. A second call
 * after an unknown outcome changes nothing and returns the same next message, which nothing else can have taken under that token.
 *
 * Claiming routes what the group has not read, in the order of the stream, so that a conversation has its place among the lanes however
 * many messages of others are before it; and takes lanes. A lane whose lease has ended is due again: its message is taken once more.
 *
 * The first write is one that a Redis whose memory is full accepts, so that it accepts those behind it: what was accepted is answered.
 * KEYS stream, waiting, lanes, heads, fence, routed, then what the commands touch. ARGV group, consumer, leaseUs, maxBytes, wanted (-1:
 * nothing is claimed), entries to route at most, the µs that no lane is ahead, how many fields make a lane, their names (from 9); then of
 * each message to settle: lane, id, token, whether to go on (1), the number of arguments of its commands, and these.
 * Returns the answers of settling: {0} where the lease is over; {1}; {1, the next message, or 0 where the lane has more but is handed
 * on}; or {-1, error} where Redis refused a command, and then the message is as it was, but for what the commands before that one wrote.
 * Then that of claiming: the id of the last entry that is routed, the µs until a lane is due (nil: there is none, or this call has
 * claimed something), whether there may be more to route, and the messages: {lane, id, token, failures, lost, fields}, where fields is nil if the
 * entry is gone, and a number of bytes if it has more than maxBytes.
 */
export const exchangeScript = script(`${common}${taking}${settling}${routing(9, "8 + ARGV[8]")}${claiming}
local maxBytes, wanted, limit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local answers = settleAll(9 + ARGV[8], maxBytes)
local kept, last, isMore = #takes, nil, 0
if wanted >= 0 then
  takeDue(wanted)
  local got = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', limit, 'STREAMS', stream, '>')
  if got then
    local entries = got[1][2]
    route(entries, kept + wanted)
    last = entries[#entries][1]
    isMore = #entries == limit and 1 or 0
    redis.call('SET', KEYS[6], last)
  end
end
lease(takes, tonumber(ARGV[3]))
local taken = {}
for _, take in ipairs(takes) do
  if take.answer then take.answer[2] = shown(take, maxBytes)
  else taken[#taken + 1] = shown(take, maxBytes) end
end
if wanted < 0 then return { answers } end
local soon = #taken == 0 and soonest(tonumber(ARGV[3]), tonumber(ARGV[7]))
return { answers, last or routedBefore(), soon, isMore, taken }`);
