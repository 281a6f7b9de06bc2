/** Hostile entries on the stream of the messages, beside honest ones, which the worker has to go on answering. */
import { createRequire } from "node:module";
import { textFrom } from "./inputs.mjs";

const { Redis } = createRequire(import.meta.url)("ioredis");
const [inbound, outbound] = ["sg:stream:inbound", "sg:stream:outbound:webchat"];

const bytesFrom = (random) =>
  random.chance(0.8)
    ? Buffer.from(textFrom(random))
    : Buffer.from(Array.from({ length: random.below(400) }, () => random.below(256)));

/** An entry that is none, or nearly one: fields exchanged, dropped, doubled, and others added. */
const entryFrom = (random) => {
  const honest = {
    id: `m${random.below(100)}`,
    platform: "webchat",
    channel: `c${random.below(8)}`,
    author: "a",
    text: "hello",
    at: "1",
  };
  const fields = Object.entries(honest).filter(() => random.chance(0.9));
  for (let times = random.below(4); times > 0; times -= 1) fields.push([bytesFrom(random), bytesFrom(random)]);
  if (random.chance(0.3)) fields.push([random.pick(Object.keys(honest)), bytesFrom(random)]);
  if (random.chance(0.02)) fields.push(["text", Buffer.alloc(1_100_000, 120)]);
  if (random.chance(0.02)) for (let at = 0; at < 500; at += 1) fields.push([`f${at}`, "x"]);
  return fields.length === 0 ? ["", ""] : fields.flat();
};

/** Resolves with whether the honest message is answered before `late` resolves. */
const isAnswered = async (redis, id, late) => {
  const fields = { id, platform: "webchat", channel: "honest", author: "a", text: "hello", at: "1" };
  const [[from = "0-0"] = []] = await redis.xrevrange(outbound, "+", "-", "COUNT", 1);
  await redis.xadd(inbound, "*", ...Object.entries(fields).flat());
  for (let last = from; ; ) {
    const found = await Promise.race([redis.xread("COUNT", 100, "BLOCK", 1000, "STREAMS", outbound, last), late]);
    if (found === "late") return false;
    for (const [entry, flat] of found?.[0][1] ?? []) {
      last = entry;
      if (flat.includes(id)) return true;
    }
  }
};

/** The target; `startChild` and `after` are those of the others. */
export const entries =
  ({ startChild, after, deadlineMs }) =>
  async (place) => {
    const redis = new Redis(place.url);
    const child = await startChild("inference", place);
    const tryOne = async (random, n) => {
      await redis.xadd(random.chance(0.9) ? inbound : outbound, "*", ...entryFrom(random));
      if (n % 20 !== 0) return {};
      const answered = isAnswered(redis, `honest-${n}`, after(deadlineMs));
      const outcome = await Promise.race([answered, child.ended.then((crash) => ({ crash }))]);
      if (typeof outcome === "object") return outcome;
      // what is kept of the dead letters is not what is measured
      await redis.xtrim("sg:stream:dlq", "MAXLEN", 100);
      return outcome ? {} : { hang: true };
    };
    const stop = () => {
      child.stop();
      redis.disconnect();
    };
    return { tryOne, memory: child.memory, stop };
  };
