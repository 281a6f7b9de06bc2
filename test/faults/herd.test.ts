/**
 * F24: two hundred replicas at once, in one process, each with its own two connections. That the drawn delays are spread is shown where
 * they are drawn (`bootJitter` of the chart, `reconnectDelay`); how far a busy machine lets them spread is printed here.
 */
import { afterEach } from "vitest";
import { openRedis } from "../../src/redis/connection.ts";
import { startEmbeddedRedis } from "../../src/redis/embedded/server.ts";
import { deadlines } from "../kit/deadlines.ts";
import { fault, readable } from "../kit/fault.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  await endPrograms();
  for (const end of endings.splice(0).reverse()) await end();
});

const replicas = 200;
/** long beside the stall of a busy machine, which makes the first PINGs late */
const jitterMaxMs = 8000;
/** the longest wait before a reconnect */
const reconnectCapMs = 2000;
const windowMs = 100;

const herd = (url: string) =>
  new Program("service.mjs", {
    env: {
      REDIS_URL: url,
      // the gate waits for a busy machine: a replica that gives up sends no further PING, and is missed for ever
      SG_TEST: JSON.stringify({ count: replicas, options: { jitterMaxMs, pingTimeoutMs: 60_000, useHealthServer: false } }),
    },
  });

/** The most of them within any `windowMs`. */
const peakOf = (times: readonly number[]): number => {
  const sorted = [...times].sort((a, b) => a - b);
  return Math.max(...sorted.map((time, at) => sorted.slice(at).filter((later) => later - time < windowMs).length));
};
const spanOf = (times: readonly number[]): number => Math.max(...times) - Math.min(...times);

fault("F24", "the first PING of each", async (happened) => {
  const redis = await startTestRedis();
  endings.push(() => redis.stop());
  const watcher = await redis.witness.duplicate().monitor();
  endings.push(() => watcher.disconnect());
  const firstPings = new Map<string, number>();
  watcher.on("monitor", (seconds: string, [command]: string[], source: string) => {
    if (command?.toLowerCase() === "ping" && !firstPings.has(source)) firstPings.set(source, Number(seconds) * 1000);
  });
  herd(redis.url);
  await eventually("each has sent a PING", () => firstPings.size >= replicas, { timeoutMs: deadlines.test });
  const times = [...firstPings.values()];
  const [span, peak] = [spanOf(times), peakOf(times)];
  happened(
    `${replicas} first PINGs over ${readable(span)} of a jitter of ${readable(jitterMaxMs)}; at most ${peak} of them within ${readable(windowMs)}`,
  );
});

const stage = async () => {
  // on a port, so that a proxy can stand before it
  let server = await startEmbeddedRedis({ port: 0 });
  endings.push(() => server.stop());
  const redis = {
    kill: () => server.kill(),
    restart: async () => {
      server = await server.restart();
    },
  };
  const proxy = await LoopbackProxy.start(server.port!);
  endings.push(() => proxy.stop());
  herd(proxy.through(server.url));
  const entries = async (): Promise<string[]> => {
    const client = openRedis(server.url);
    try {
      await client.connect();
      return await client.keys("sg:registry:service:*");
    } finally {
      client.disconnect();
    }
  };
  await eventually("all are registered", async () => (await entries()).length === replicas);
  return { redis, proxy, entries };
};

fault(
  "F24",
  "Redis killed and started again",
  async (happened) => {
    const { redis, proxy, entries } = await stage();
    const connections = proxy.open;
    const before = proxy.madeAt.length;
    await redis.kill();
    // by then the waits have grown to their full length
    await eventually("all have tried in vain", () => proxy.madeAt.length - before > 8 * connections, { timeoutMs: 60_000 });
    const tries = proxy.madeAt.slice(before);
    await redis.restart();
    const since = performance.now();
    await eventually("all are connected again", () => proxy.open === connections);
    const connectedMs = performance.now() - since;
    await eventually("all are registered again", async () => (await entries()).length === replicas);
    const registeredMs = performance.now() - since;
    const back = proxy.madeAt.filter((time) => time >= since);
    const peak = peakOf(back);
    const late = tries.filter((time) => time > tries[0]! + reconnectCapMs);
    happened(
      `${connections} connections came back over ${readable(spanOf(back))}, at most ${peak} within ${readable(windowMs)}; all connected after ${readable(connectedMs)}, all registered after ${readable(registeredMs)}`,
    );
    happened(
      `while it was away ${tries.length} tries in ${readable(spanOf(tries))}, at most ${peakOf(late)} within ${readable(windowMs)}`,
    );
  },
  { slow: true },
);
