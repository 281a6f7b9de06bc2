/**
 * The registry's reads. What others wrote is measured where it lies: a name or a text beyond its limit is not sent, however large it is.
 * Only commands that the writer needs too are used, so that one rule of permissions is enough for both.
 */
import { script } from "../redis/script.ts";

/** An error that is about one key's type is that key's; any other is the reader's. */
const read = `
local function read(key, from, to)
  local text = redis.pcall('GETRANGE', key, from, to)
  if type(text) ~= 'table' then return text end
  return text.err and string.find(text.err, 'WRONGTYPE', 1, true) and 1 or text
end
`;

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
 * The instances of one service whose leases live.
 * KEYS index, the entries' keys up to the instance. ARGV now, bytes of the longest name, bytes of the largest entry, how many instances.
 * Returns whether names were left out, the instances whose entry is too large or of another type, then the others.
 */
export const liveScript = script(`${read}
local leftOut, unfit, fit = 0, {}, {}
local longest, most = tonumber(ARGV[2]), tonumber(ARGV[4])
for at, instance in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, most + 1)) do
  if #instance > longest or at > most then
    leftOut = 1
  else
    local beyond = read(KEYS[2] .. instance, ARGV[3], ARGV[3])
    if type(beyond) == 'table' then return beyond end
    if beyond == '' then fit[#fit + 1] = instance else unfit[#unfit + 1] = instance end
  end
end
return { leftOut, unfit, fit }`);

/**
 * The texts of entries. KEYS the entries. ARGV bytes of the largest one.
 * Returns for each its text, nil where there is none, and 1 where it is too large or of another type.
 */
export const entriesScript = script(`${read}
local texts, largest = {}, tonumber(ARGV[1])
for at = 1, #KEYS do
  local text = read(KEYS[at], 0, largest)
  if type(text) == 'table' then return text end
  if type(text) == 'string' and #text > largest then text = 1 end
  texts[at] = text ~= '' and text
end
return texts`);

/** The id of the last event, without its fields. KEYS events. */
export const lastEventScript = script(`
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return last and last[1] or '0-0'`);
