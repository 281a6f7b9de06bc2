/** How soon a watcher sees a crash (after the lease's end) and a clean stop, and whether it sees what did not happen. */
import { setTimeout as pause } from "node:timers/promises";
import { Registry } from "../../../dist/src/registry/registry.js";
import { bootOf, patience, registryConnection, started } from "../kit/fleet.mjs";
import { eventually, startRedis } from "../kit/redis.mjs";
import { median } from "../kit/stats.mjs";

const instances = 60;
const ttlMs = 1500;
const beatMs = 400;

export const watch = {
  name: "watch",
  title: "what a watcher sees",
  rounds: 7,
  quickRounds: 2,
  units: { crashSeenMs: "ms after the TTL", cleanStopSeenMs: "ms", falselySeen: "" },
  async run({ rounds, samples }) {
    for (let round = 0; round < rounds; round += 1) {
      const seen = await oneRound();
      for (const [metric, value] of Object.entries(seen)) samples.add(metric, "our watch", value);
    }
  },
};

const oneRound = async () => {
  const redis = await startRedis();
  const connection = await registryConnection(redis.url);
  const ending = new AbortController();
  const signal = patience();
  const boots = Array.from({ length: instances }, (_, i) => ({ name: `i${i}`, boot: bootOf(connection, "svc", `i${i}`, ttlMs) }));
  for (const each of boots) await each.boot.register(started, { signal });
  const received = new Map();
  const watching = (async () => {
    for await (const event of new Registry(redis.client).watch("svc", { signal: ending.signal }))
      if (event.type === "expired" || event.type === "deregistered")
        received.set(event.entry.instance, { type: event.type, at: performance.now() });
  })();
  await pause(100);
  const third = instances / 3;
  const [crashing, leaving, staying] = [boots.slice(0, third), boots.slice(third, 2 * third), boots.slice(2 * third)];
  const beats = setInterval(() => {
    for (const { boot } of staying) void boot.renew({ status: "running", changed: false }, { signal });
  }, beatMs);
  const lastBeat = performance.now();
  await Promise.all(boots.map(({ boot }) => boot.renew({ status: "running", changed: false }, { signal })));
  const left = performance.now();
  await Promise.all(leaving.map(({ boot }) => boot.deregister({ signal })));
  await eventually("the crashes are seen", () => crashing.every(({ name }) => received.has(name)));
  clearInterval(beats);
  ending.abort();
  await watching;
  const after = (each, since) => each.map(({ name }) => (received.get(name)?.at ?? Number.NaN) - since);
  const wrong =
    staying.filter(({ name }) => received.has(name)).length +
    leaving.filter(({ name }) => received.get(name)?.type !== "deregistered").length;
  connection.disconnect();
  await redis.stop();
  return {
    crashSeenMs: Math.max(...after(crashing, lastBeat + ttlMs)),
    cleanStopSeenMs: median(after(leaving, left)),
    falselySeen: wrong,
  };
};
