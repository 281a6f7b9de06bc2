/**
 * The registry's reads. What others wrote is measured where it lies: a name or a text beyond its limit is not sent, however large it is.
 */
import { script } from "../redis/script.ts";

/**
 * The beginning of a listing.
 * KEYS services. ARGV a service, or '' for all; bytes of the longest name; how many services. Returns the time of Redis in ms as text,
 * whether services were left out, then the services.
 */
export const beginListScript = script(`
local t = redis.call('TIME')
local answer = { string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)), 0 }
local services = ARGV[1] ~= '' and { ARGV[1] } or redis.call('SMEMBERS', KEYS[1])
local longest, most = tonumber(ARGV[2]), tonumber(ARGV[3]) + 2
for _, service in ipairs(services) do
  if #service > longest or #answer >= most then answer[2] = 1 else answer[#answer + 1] = service end
end
return answer`);

/**
 * `entry` measures and reads an entry in one step: false where there is none, 1 where it is too large or of another type. An error that is
 * about one key's type is that key's; any other is the reader's. `last`: bytes of the largest one, as text, which Redis need not convert
 * for each.
 */
const reading = `
local pcall, find = redis.pcall, string.find
local function entry(key, last, largest)
  local text = pcall('GETRANGE', key, '0', last)
  if text == '' then return false end
  if type(text) == 'table' then return find(text.err or '', 'WRONGTYPE', 1, true) and 1 or text end
  return #text > largest and 1 or text
end
`;

/**
 * The instances of one service whose leases live, with the texts of the first ones. The others are read by their names, so that a large
 * service does not hold Redis.
 * KEYS index, the entries' keys up to the instance. ARGV now, bytes of the longest name, how many instances, bytes of the largest entry,
 * how many texts, bytes of them after which no other is read.
 * Returns whether names were left out, the other names, and for each of the first ones what `entry` gives.
 */
export const liveScript = script(`${reading}
local leftOut, names, texts, count = 0, {}, {}, 0
local longest, most, last, largest = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[4])
local prefix, first, room = KEYS[2], tonumber(ARGV[5]), tonumber(ARGV[6])
local found = redis.call('ZRANGE', KEYS[1], ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, most + 1)
for at = 1, #found do
  local name = found[at]
  if #name > longest or at > most then
    leftOut = 1
  else
    count = count + 1
    names[count] = name
    if count <= first and room > 0 then
      local text = entry(prefix .. name, last, largest)
      if type(text) == 'table' then return text end
      if type(text) == 'string' then room = room - #text end
      texts[count] = text
    end
  end
end
return { leftOut, names, texts }`);

/** The texts of entries. KEYS the entries. ARGV bytes of the largest one. Returns for each what `entry` gives. */
export const entriesScript = script(`${reading}
local texts, last, largest = {}, ARGV[1], tonumber(ARGV[1])
for at, key in ipairs(KEYS) do
  local text = entry(key, last, largest)
  if type(text) == 'table' then return text end
  texts[at] = text
end
return texts`);

/** The id of the last event, without its fields. KEYS events. */
export const lastEventScript = script(`
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return last and last[1] or '0-0'`);
