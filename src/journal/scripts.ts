/** The Lua scripts that keep journal and counts in step: the last message of a boot, and the read of the counts. */
import { script } from "../redis/script.ts";
import { counting, countOverdue, endsLimit } from "../registry/scripts.ts";

/**
 * The last message of a boot: deletes what would count the boot as expired without this message, counts its stop, and adds the message. The
 * first write needs no memory, so that a Redis whose memory is full accepts the others.
 * KEYS journal, ends, ending, known. ARGV instance, boot, place among the ending, field of the ends, length, and the message from there on.
 */
export const endScript = script(`${counting}
local journal, ends, ending, known = unpack(KEYS)
redis.call('ZREM', ending, ARGV[3])
local ok, entry = pcall(cjson.decode, redis.call('HGET', known, ARGV[1]) or '')
if ok and type(entry) == 'table' and entry[2] == ARGV[2] then redis.call('HDEL', known, ARGV[1]) end
count(ends, ARGV[4])
redis.call('XADD', journal, 'MAXLEN', '~', ARGV[5], '*', unpack(ARGV, 6))
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
