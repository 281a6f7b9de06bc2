/** Messages in lanes: in order within a conversation, and an answer that is written once. */
import { openRedis } from "../../../../dist/src/redis/connection.js";
import { LaneConsumer } from "../../../../dist/src/streams/consumer.js";
import { answers, connected, inbound } from "./streams.mjs";

export { startWriter } from "./streams.mjs";

const parse = (fields) => ({
  ok: true,
  value: Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i].toString(), fields[2 * i + 1].toString()]),
  ),
});

export const startWorker = async ({ port, handle }) => {
  const redis = await connected(openRedis(`redis://127.0.0.1:${port}`));
  const end = new AbortController();
  const work = async ({ id, channel, text, at }) => {
    handle(at);
    return { keys: [answers], commands: [["XADD", answers, "*", "id", `re:${id}`, "channel", channel, "text", text, "to", id]] };
  };
  const consumer = new LaneConsumer({ redis, stream: inbound, group: "bench", laneFields: ["channel"], parse, handle: work });
  const ran = consumer.run({ signal: end.signal });
  return async () => {
    end.abort();
    await ran;
    redis.disconnect();
  };
};
