/**
 * Messages by stream to worker processes that are killed, frozen beyond their lease and stopped, at moments by seed:
 *
 *   node test/chaos/streams.mjs [--seed 1] [--messages 2000] [--channels 60] [--workers 4] [--lease 1000] [--per-second 400]
 *
 * Prints what was answered, lost, answered twice or out of order, and what is left. Exits 1 where a count is not what it has to be.
 */
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openRedis } from "../../dist/src/redis/connection.js";
import { startEmbeddedRedis } from "../../dist/src/redis/embedded/server.js";
import { laneKeys, streamKeys } from "../../dist/src/streams/keys.js";
import { countAnswers, countLeft, entriesOf } from "./count.mjs";
import { randomFrom } from "./random.mjs";
import { Workers } from "./workers.mjs";

const number = (fallback) => ({ type: "string", default: String(fallback) });
const { values } = parseArgs({
  options: {
    seed: number(1),
    messages: number(2000),
    channels: number(60),
    workers: number(4),
    lease: number(1000),
    "per-second": number(400),
  },
});
const [seed, messages, channels, count, leaseMs, perSecond] = Object.values(values).map(Number);
const random = randomFrom(seed);
const names = { inbound: "sg:stream:inbound", outbound: "sg:stream:out", group: "sg:workers" };

/** Few channels have most of the messages. */
const channelOf = () => `c${Math.floor(channels * random.next() ** 3)}`;

const send = async (redis, sent) => {
  const startedAt = performance.now();
  for (let done = 0; done < messages; ) {
    const due = Math.min(messages, Math.ceil(((performance.now() - startedAt) / 1000) * perSecond));
    const writes = [];
    for (; done < due; done += 1) {
      const channel = channelOf();
      const n = (sent.get(channel) ?? 0) + 1;
      sent.set(channel, n);
      writes.push(redis.xadd(names.inbound, "*", "platform", "p", "channel", channel, "n", n));
    }
    await Promise.all(writes);
    await pause(10);
  }
};

/** Harms one worker after another until the signal aborts; one at least is left alone. */
const harm = async (workers, harms, { signal }) => {
  while (!signal.aborted) {
    await pause(random.between(100, 500), undefined, { signal }).catch(() => {});
    const { awake } = workers;
    if (signal.aborted || awake.length < 2) continue;
    const [child, what] = [random.pick(awake), random.pick(["kill", "freeze", "stop"])];
    harms[what] += 1;
    workers[what](child, random.between(1.5, 3) * leaseMs);
  }
};

const settled = async (redis, sent) => {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const { lost } = countAnswers(await entriesOf(redis, names.outbound), sent);
    const left = await countLeft(redis, { ...names, deadLetters: streamKeys(redis).deadLetters, laneKeys });
    if (lost === 0 && left.pending === 0) return;
    await pause(200);
  }
};

const server = await startEmbeddedRedis({ port: 0 });
const redis = openRedis(server.url);
await redis.connect();
const options = { ...names, laneFields: ["platform", "channel"], leaseMs, handleMs: 4, concurrency: 8, graceMs: 1000 };
const workers = new Workers(server.url, options);
const sent = new Map();
const harms = { kill: 0, freeze: 0, stop: 0 };
const calm = new AbortController();
await workers.start(count);
const harming = harm(workers, harms, { signal: calm.signal });
await send(redis, sent);
await pause(random.between(500, 1500));
calm.abort();
await harming;
await settled(redis, sent);
const oddExits = await workers.end();
const counts = countAnswers(await entriesOf(redis, names.outbound), sent);
const left = await countLeft(redis, { ...names, deadLetters: streamKeys(redis).deadLetters, laneKeys });
const keys = (await redis.keys("*")).sort();
console.log(JSON.stringify({ seed, ...counts, left, harms, oddExits, keys }));
redis.disconnect();
await server.stop();
const wrong = [counts.lost, counts.twice, counts.outOfOrder, ...Object.values(left), oddExits.length].some(
  (figure) => figure > 0,
);
process.exitCode = wrong ? 1 : 0;
