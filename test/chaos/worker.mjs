// A worker of the chaos: answers each message with a line on a stream, until SIGTERM. argv: URL of Redis, JSON of options.
import { setTimeout as pause } from "node:timers/promises";
import { openRedis } from "../../dist/src/redis/connection.js";
import { LaneConsumer } from "../../dist/src/streams/consumer.js";

const [url, json] = process.argv.slice(2);
const { inbound, outbound, group, laneFields, handleMs, ...options } = JSON.parse(json);
const redis = openRedis(url);
redis.on("error", () => {});
await redis.connect();
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const orphaned = () => process.exit(1);
process.on("disconnect", orphaned);

const parse = (fields) => ({
  ok: true,
  value: Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, at) => [String(fields[2 * at]), String(fields[2 * at + 1])]),
  ),
});
const handle = async ({ channel, n }, { attempt, token }) => {
  await pause(Math.random() * handleMs);
  const answer = ["channel", channel, "n", n, "attempt", attempt, "token", token, "pid", process.pid];
  return { keys: [outbound], commands: [["XADD", outbound, "*", ...answer]] };
};
const running = new LaneConsumer({ redis, stream: inbound, group, laneFields, parse, handle, ...options }).run({
  signal: stop.signal,
});
process.send("ready");
await running;
redis.disconnect();
process.off("disconnect", orphaned);
process.disconnect();
