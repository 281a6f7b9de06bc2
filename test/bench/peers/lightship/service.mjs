import Fastify from "fastify";
import { Redis } from "ioredis";
import { createLightship } from "lightship";
import { cfg, mark, onStart, onStop, run, work } from "./hooks.cjs";

mark("start");
// shutdownDelay 0 (default 5000 outside local mode) so that shutdown times compare.
const lightship = await createLightship({ port: cfg.port, detectKubernetes: false, shutdownDelay: 0 });
const redis = new Redis(cfg.redisUrl, { lazyConnect: true });
redis.on("error", () => {});
const app = Fastify({ logger: false });
const ac = new AbortController();
let heartbeat;

app.get("/work", async (req) => {
  await work(Number(req.query.ms));
  return { done: true };
});
const register = () => redis.set(cfg.key, cfg.value, "EX", cfg.ttl);

lightship.registerShutdownHandler(async () => {
  clearInterval(heartbeat);
  ac.abort();
  await app.close();
  await redis.del(cfg.key);
  await onStop();
  await redis.quit();
});

try {
  await redis.connect();
  await redis.ping();
  await onStart();
  await register();
  heartbeat = setInterval(() => register().catch(() => {}), cfg.heartbeatMs);
  await app.listen({ port: cfg.appPort, host: "127.0.0.1" });
} catch (err) {
  console.error(err);
  process.exitCode = 1;
  await lightship.shutdown();
}
lightship.signalReady();
redis.on("close", () => {
  if (!lightship.isServerShuttingDown()) lightship.signalNotReady();
});
redis.on("ready", () => lightship.signalReady());
mark("ready");
run(ac.signal).catch((err) => {
  console.error(err);
  process.exitCode = 1;
  return lightship.shutdown();
});
