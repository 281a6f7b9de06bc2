/** Lua that the scripts of the lanes share. */

/** The cost of a script is its calls of Redis: several messages share a read or a write, and the clock is read on first use. */
export const common = `
local now
local function after(us)
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
  end
  return string.format('%.0f', now + us)
end
local function padded(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #seq) .. seq
end
local function parsed(head)
  if not head then return {} end
  local token, before, failures, lost, id = string.match(head, '^(%d+):(%d+):(%d+):(%d+):(.+)$')
  return { token = token, before = before, failures = failures, lost = lost, id = id }
end
local function isOf(head, token, id)
  return token ~= '0' and head.token == token and (not id or head.id == id)
end
local function written(token, before, failures, lost, id)
  return string.format('%.0f:%s:%d:%d:%s', token, before, failures, lost, id)
end
local function callWith(command, key, words)
  if #words > 0 then redis.call(command, key, unpack(words)) end
end
`;

/**
 * KEYS stream, waiting, lanes, heads, fence. How the first message of a lane is found, and how those that are taken are leased: `take`
 * has its lane and id, the token before, and its counts; `fields` where they are known.
 */
export const taking = `
local stream, waiting, lanes, heads, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local function idOf(member, lane)
  local ms, seq = string.match(member, '^0*(%d+)-0*(%d+)$', #lane + 2)
  return ms .. '-' .. seq
end
local function firstOf(lane)
  local member = redis.call('ZRANGEBYLEX', waiting, '[' .. lane .. '\\0', '(' .. lane .. '\\1', 'LIMIT', 0, 1)[1]
  return member and idOf(member, lane)
end
local function shown(take, maxBytes)
  local fields = take.fields
  if not fields then
    local entry = redis.call('XRANGE', stream, take.id, take.id)[1]
    fields = entry and entry[2] or false
  end
  if fields then
    local bytes = 0
    for _, part in ipairs(fields) do bytes = bytes + #part end
    if bytes > maxBytes then fields = bytes end
  end
  return { take.lane, take.id, tonumber(take.token), tonumber(take.failures), tonumber(take.lost), fields }
end
local function lease(takes, leaseUs)
  if #takes == 0 then return end
  local token = redis.call('INCRBY', fence, #takes) - #takes
  local ends = after(leaseUs)
  local begun, leased = {}, {}
  for at, take in ipairs(takes) do
    take.token = token + at
    begun[2 * at - 1] = take.lane
    begun[2 * at] = written(take.token, take.before, take.failures, take.lost, take.id)
    leased[2 * at - 1] = ends
    leased[2 * at] = take.lane
  end
  callWith('HSET', heads, begun)
  callWith('ZADD', lanes, leased)
end
`;

/** Which lane an entry belongs to; one without a lane, or with one that could not be a key's part, has a lane of its own. */
export const routing = (firstField: number, lastField = "#ARGV"): string => `
local function laneOf(id, fields)
  local own = '!' .. id
  local values = {}
  for at = ${firstField}, ${lastField} do
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
`;
