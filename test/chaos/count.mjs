/** What came of the messages: counted on the stream of the answers, and in the keys that are left. */

const fieldsOf = (flat) =>
  Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at], flat[2 * at + 1]]));

/** Every entry of a stream, as objects. */
export const entriesOf = async (redis, stream) => {
  const entries = [];
  for (let from = "-"; ; ) {
    const part = await redis.xrange(stream, from, "+", "COUNT", 5000);
    entries.push(...part.map(([id, flat]) => ({ id, ...fieldsOf(flat) })));
    if (part.length < 5000) return entries;
    from = `(${part.at(-1)[0]}`;
  }
};

/** `sent` has how many messages each channel was sent, numbered from 1. */
export const countAnswers = (answers, sent) => {
  const counts = { sent: 0, answered: 0, lost: 0, twice: 0, outOfOrder: 0, retaken: 0 };
  const seen = new Map([...sent.keys()].map((channel) => [channel, []]));
  for (const { channel, n, attempt } of answers) {
    seen.get(channel)?.push(Number(n));
    if (Number(attempt) > 1) counts.retaken += 1;
  }
  for (const [channel, count] of sent) {
    const numbers = seen.get(channel);
    const distinct = new Set(numbers);
    counts.sent += count;
    counts.answered += distinct.size;
    counts.lost += count - distinct.size;
    counts.twice += numbers.length - distinct.size;
    counts.outOfOrder += numbers.filter((n, at) => at > 0 && n < numbers[at - 1]).length;
  }
  return counts;
};

/** What a system at rest must not have, by name. */
export const countLeft = async (redis, { inbound, group, deadLetters, laneKeys }) => {
  const { waiting, lanes, heads } = laneKeys(inbound);
  const [[pending], ...sizes] = await Promise.all([
    redis.xpending(inbound, group),
    redis.zcard(waiting),
    redis.zcard(lanes),
    redis.hlen(heads),
    redis.xlen(deadLetters),
  ]);
  const [inLanes, leased, begun, dead] = sizes;
  return { pending, waiting: inLanes, lanes: leased, heads: begun, deadLetters: dead };
};
