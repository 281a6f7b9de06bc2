/** The loop that people write by hand: XREADGROUP, the answer and XACK. No order, no fence, nothing is claimed back. */
import { Redis } from "ioredis";
import { answers, connected, inbound } from "./streams.mjs";

export { startWriter } from "./streams.mjs";

const most = 16;

export const startWorker = async ({ port, handle }) => {
  const options = { host: "127.0.0.1", port, lazyConnect: true, maxRetriesPerRequest: null };
  const [redis, blocking] = await Promise.all([connected(new Redis(options)), connected(new Redis(options))]);
  await redis.xgroup("CREATE", inbound, "bench", "0", "MKSTREAM").catch(() => {});
  let isEnding = false;
  const work = async ([entry, fields]) => {
    const value = (name) => fields[fields.indexOf(name) + 1];
    handle(value("at"));
    const answer = ["id", `re:${value("id")}`, "channel", value("channel"), "text", value("text"), "to", value("id")];
    await redis
      .pipeline()
      .xadd(answers, "*", ...answer)
      .xack(inbound, "bench", entry)
      .exec();
  };
  const loop = async () => {
    while (!isEnding) {
      const read = ["GROUP", "bench", "one", "COUNT", most, "BLOCK", 2000, "STREAMS", inbound, ">"];
      const got = await blocking.xreadgroup(...read);
      await Promise.all((got?.[0]?.[1] ?? []).map(work));
    }
  };
  const ended = loop().catch(() => {});
  return async () => {
    isEnding = true;
    blocking.disconnect();
    await ended;
    redis.disconnect();
  };
};
