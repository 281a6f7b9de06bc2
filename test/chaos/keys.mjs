/** What is left in Redis, by name. */
import { registryKeys } from "../../dist/src/registry/keys.js";
import { laneKeys, streamKeys } from "../../dist/src/streams/keys.js";
import { messageKeys, workersGroup } from "../../dist/src/tiers/messages/keys.js";

/** Every entry of a stream behind an id. */
export const entriesAfter = async (redis, stream, id) => {
  const entries = await redis.xrange(stream, `(${id}`, "+", "COUNT", 2000);
  return entries.map(([entry, flat]) => {
    const fields = Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at], flat[2 * at + 1]]);
    return { entry, ...Object.fromEntries(fields) };
  });
};

/** What a system at rest does not have. */
export const countPending = async (redis) => {
  const { inbound, allOpen } = messageKeys(redis);
  const { waiting, lanes, heads } = laneKeys(inbound);
  const [[pending], inLanes, leased, begun, open, deadLetters] = await Promise.all([
    redis.xpending(inbound, workersGroup),
    redis.zcard(waiting),
    redis.zcard(lanes),
    redis.hlen(heads),
    redis.zcard(allOpen),
    redis.xlen(streamKeys(redis).deadLetters),
  ]);
  return { pending: pending + inLanes + leased + begun + open, deadLetters };
};

/** Keys of a fleet at rest that do not expire: as many as are named here, after any messages. */
const lasting = (redis, platforms) => {
  const { inbound, outbound, sessionSecret } = messageKeys(redis);
  const { fence, routed } = laneKeys(inbound);
  const { services, events, index, journal, ends, ending, known } = registryKeys(redis);
  const registry = [
    services,
    events,
    journal,
    ends,
    ending,
    ...["gateway", "inference"].flatMap((name) => [index(name), known(name)]),
  ];
  return new Set([inbound, fence, routed, sessionSecret, ...registry, ...platforms.map(outbound)]);
};

const kindOf = (key) => key.replace(/^(sg:chat:\w+:\w+):[^:]+$/, "$1:*").replace(/[\w-]+-\d+-[0-9a-f]{6}$/, "*");

/** The kinds of keys that are left, with their number and end; `leftovers` have neither an end nor a name in the list above. */
export const keysLeft = async (redis, platforms) => {
  const known = lasting(redis, platforms);
  const kinds = new Map();
  const leftovers = [];
  for (const key of (await redis.keys("*")).sort()) {
    const ttl = await redis.pttl(key);
    if (ttl < 0 && !known.has(key)) leftovers.push(key);
    const kind = kinds.get(kindOf(key)) ?? { count: 0, expiresInS: 0 };
    kinds.set(kindOf(key), {
      count: kind.count + 1,
      expiresInS: ttl < 0 ? null : Math.max(kind.expiresInS ?? 0, Math.ceil(ttl / 1000)),
    });
  }
  return { kinds: Object.fromEntries(kinds), leftovers };
};
