/** A Redis of the bench's own, on a spare port, without persistence. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { kill, scratch, track } from "./cleanup.mjs";
import { freePort } from "./ports.mjs";

const onPath = process.env.REDIS_SERVER ?? "redis-server";

export const startRedis = async (config = []) => {
  const port = await freePort();
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", scratch, ...config];
  const child = track(spawn(onPath, own, { stdio: "ignore" }));
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on("error", () => {});
  await client.connect().catch(() => {});
  await client.ping();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid,
    client,
    async stop() {
      client.disconnect();
      kill(child);
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
};

/** µs of processor time that the server has used, as it counts itself. */
export const serverCpuUs = async (client) => {
  const text = await client.info("cpu");
  const seconds = (name) => Number(new RegExp(`used_cpu_${name}:([\\d.]+)`).exec(text)[1]);
  return (seconds("user") + seconds("sys")) * 1e6;
};

/** Resolves once `look` gives something; for what the bench waits for besides measuring. */
export const eventually = async (what, look, timeoutMs = 20_000) => {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await pause(5);
  }
};
