/** What grows with the fleet, at ten, a hundred, a thousand and ten thousand: the exponent of each curve in its last steps. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runScript } from "../../../dist/src/redis/script.js";
import { registryKeys } from "../../../dist/src/registry/keys.js";
import { Registry } from "../../../dist/src/registry/registry.js";
import { reapScript } from "../../../dist/src/registry/scripts.js";
import { track } from "../kit/cleanup.mjs";
import { bootOf, patience, registryConnection, started, writeFleet } from "../kit/fleet.mjs";
import { runProgram } from "../kit/program.mjs";
import { eventually, startRedis } from "../kit/redis.mjs";
import { exponent, median } from "../kit/stats.mjs";

const program = fileURLToPath(new URL("../../../dist/src/cli/main.js", import.meta.url));
const sizes = [10, 100, 1000, 10_000];
/** as a watch calls it */
const reapLimit = 1000;

/** Each curve: what it is of, in words, its unit and the sizes that make sense for it. */
export const curves = {
  list: { what: "listing a fleet of n", unit: "ms", sizes },
  watch: { what: "a watch that learns of n", unit: "ms", sizes },
  memory: { what: "n entries in Redis", unit: "KiB", sizes },
  reaper: { what: "n leases that ended, taken out", unit: "ms", sizes },
  fanOut: { what: "one change, seen by n watches", unit: "ms", sizes: [1, 10, 100] },
  process: { what: "n services in one process, a whole life", unit: "ms of processor", sizes },
  up: { what: "a fleet of n processes, to all running", unit: "ms", sizes: [5, 10, 25, 50] },
};

export const growth = {
  name: "growth",
  title: "what grows with the fleet",
  rounds: 3,
  quickRounds: 1,
  units: { ...Object.fromEntries(Object.entries(curves).map(([name, { unit }]) => [name, unit])), exponent: "" },
  async run({ rounds, quick, samples }) {
    for (let round = 0; round < rounds; round += 1)
      for (const [name, { sizes: all }] of Object.entries(curves)) {
        const points = [];
        for (const n of quick ? all.slice(0, 3) : all) {
          const value = await measures[name](n);
          samples.add(name, String(n), value);
          points.push([n, value]);
        }
        samples.add("exponent", name, exponent(points));
      }
  },
};

const withFleet = async (n, work) => {
  const redis = await startRedis();
  const connection = await registryConnection(redis.url);
  const before = await usedBytes(redis);
  if (n > 0) await writeFleet(connection, { services: 1, each: n });
  try {
    return await work({ redis, connection, before });
  } finally {
    connection.disconnect();
    await redis.stop();
  }
};

const usedBytes = async ({ client }) => Number(/used_memory:(\d+)/.exec(await client.info("memory"))[1]);

const timed = async (work) => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** Resolves when the watch has given the first event of a type. */
const seenBy = async (redis, type, signal) => {
  for await (const event of new Registry(redis.client).watch("svc0", { signal })) if (event.type === type) return;
};

const listed = ({ redis }) => {
  const registry = new Registry(redis.client);
  const once = () => timed(() => registry.list());
  return repeated(once);
};

/** The first ones run code that is not compiled yet. */
const repeated = async (once) => {
  const took = [];
  for (let i = 0; i < 9; i += 1) took.push(await once());
  return median(took.slice(4));
};

const reaped = (n) =>
  withFleet(0, async ({ connection }) => {
    const keys = registryKeys(connection);
    const own = [keys.index("svc0"), keys.services, keys.events, keys.service("svc0", "")];
    for (let from = 0; from < n; from += 1000) {
      const ended = Array.from({ length: Math.min(1000, n - from) }, (_, i) => [1, `gone-${from + i}`]);
      await connection.zadd(own[0], ...ended.flat());
    }
    const call = { keys: own, args: ["svc0", reapLimit] };
    return timed(async () => {
      while ((await runScript(connection, reapScript, call)) > 0);
    });
  });

const changes = 7;

const fannedOut = (watches) =>
  withFleet(1, async ({ redis, connection }) => {
    const ending = new AbortController();
    const seen = { synced: 0, registered: 0 };
    const watching = Array.from({ length: watches }, async () => {
      for await (const { type } of new Registry(redis.client).watch("svc0", { signal: ending.signal }))
        if (type in seen) seen[type] += 1;
    });
    await eventually("all watches are synced", () => seen.synced === watches);
    const took = [];
    for (let change = 0; change < changes; change += 1) {
      const wanted = seen.registered + watches;
      const began = performance.now();
      await bootOf(connection, "svc0", `another-${change}`).register(started, { signal: ending.signal });
      while (seen.registered < wanted) await nextTurn();
      took.push(performance.now() - began);
    }
    ending.abort();
    await Promise.all(watching);
    return median(took);
  });

/** One of each tier, and the rest of inference. */
const upRunning = async (children) => {
  const args = [program, "up", "--json", "--tier", `inference=${children - 4}`];
  const env = { ...process.env, SG_GATEWAY_PORT: "0", SG_WEB_PORT: "0" };
  const began = performance.now();
  const child = track(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env }));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let ms = Number.NaN;
  for await (const line of createInterface({ input: child.stdout })) {
    if (JSON.parse(line).type !== "fleet.ready") continue;
    ms = performance.now() - began;
    child.kill("SIGTERM");
  }
  await ended;
  return ms;
};

const measures = {
  list: (n) => withFleet(n, listed),
  watch: (n) => withFleet(n, ({ redis }) => repeated(() => timed(() => seenBy(redis, "synced", patience())))),
  memory: (n) => withFleet(n, async ({ redis, before }) => ((await usedBytes(redis)) - before) / 1024),
  reaper: reaped,
  fanOut: fannedOut,
  process: async (n) => (await runProgram("many.mjs", [n])).cpuMs,
  up: upRunning,
};
