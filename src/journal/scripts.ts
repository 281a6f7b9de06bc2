/** The Lua scripts that keep journal and counts in step: the last message of a boot, and the read of the counts. */
import { script } from "../redis/script.ts";
import { counting, countOverdue, endsLimit } from "../registry/scripts.ts";

/** Keys and arguments as one list: keys are named as keys on a Cluster only, since a client may put a prefix before them. */
const listed = `
local given = {}
for _, list in ipairs({ KEYS, ARGV }) do
  for _, value in ipairs(list) do given[#given + 1] = value end
end
`;

/** One command. Key, command, and what follows the key. */
export const callScript = script(`${listed}
return redis.call(given[2], given[1], unpack(given, 3))`);

/**
 * The last message of a boot: deletes what would count the boot as expired without this message, counts its stop, and adds the message. The
 * first write needs no memory, so that a Redis whose memory is full accepts the others.
 * Journal, ends, ending, known; instance, boot, place among the ending, field of the ends, length, and the message from there on.
 */
export const endScript = script(`${counting}${listed}
local journal, ends, ending, known = unpack(given, 1, 4)
redis.call('ZREM', ending, given[7])
local ok, entry = pcall(cjson.decode, redis.call('HGET', known, given[5]) or '')
if ok and type(entry) == 'table' and entry[2] == given[6] then redis.call('HDEL', known, given[5]) end
count(ends, given[8])
redis.call('XADD', journal, 'MAXLEN', '~', given[9], '*', unpack(given, 10))
return 1`);

/** bytes of a field of the ends: longer than any that an instance writes */
const fieldLimitBytes = 2000;

/** The counts of stops, as field and count in turn; none where there are more than instances write. KEYS ends, ending. */
export const endsScript = script(`${countOverdue}
local t = redis.call('TIME')
countOverdue(KEYS[1], KEYS[2], string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)))
if redis.call('HLEN', KEYS[1]) > ${endsLimit} then return {} end
local all, fit = redis.call('HGETALL', KEYS[1]), {}
for at = 1, #all, 2 do
  if #all[at] <= ${fieldLimitBytes} and #all[at + 1] <= 20 then
    fit[#fit + 1] = all[at]
    fit[#fit + 1] = all[at + 1]
  end
end
return fit`);
