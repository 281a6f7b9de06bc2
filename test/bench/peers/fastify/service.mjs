import underPressure from "@fastify/under-pressure";
import closeWithGrace from "close-with-grace";
import Fastify from "fastify";
import { Redis } from "ioredis";
import { cfg, mark, onStart, onStop, run, work } from "./hooks.cjs";

mark("start");
const redis = new Redis(cfg.redisUrl, { lazyConnect: true });
redis.on("error", () => {});
// B_VARIANT=lean: own schema compilers, so that Fastify does not load ajv and fast-json-stringify
const lean =
  process.env.B_VARIANT === "lean"
    ? {
        schemaController: {
          compilersFactory: { buildValidator: () => () => () => true, buildSerializer: () => () => JSON.stringify },
        },
      }
    : {};
const app = Fastify({ logger: false, ...lean, ...(process.env.FORCE_CLOSE ? { forceCloseConnections: true } : {}) });
const ac = new AbortController();
let ready = false;
let heartbeat;
let stopping = false;
if (process.env.CONN_CLOSE)
  app.addHook("onSend", async (req, reply) => {
    if (stopping) reply.header("connection", "close");
  });

const variant = process.env.B_VARIANT; // boot-cost split: nostatus = no exposeStatusRoute, noup = no under-pressure
if (variant === "nostatus" || variant === "noup") app.get("/live", async () => ({ status: "ok" }));
if (variant !== "noup")
  app.register(underPressure, {
    maxEventLoopDelay: 1000,
    // UP_README=1: the thresholds of under-pressure's own README example
    ...(process.env.UP_README ? { maxHeapUsedBytes: 100_000_000, maxRssBytes: 100_000_000, maxEventLoopUtilization: 0.98 } : {}),
    ...(variant === "nostatus" ? {} : { exposeStatusRoute: { url: "/live" } }),
  });
app.get("/ready", async (req, reply) => {
  if (ready && redis.status === "ready") return { status: "ready" };
  reply.code(503);
  return { status: "unready" };
});
app.get("/work", async (req) => {
  await work(Number(req.query.ms));
  return { done: true };
});

const register = () => redis.set(cfg.key, cfg.value, "EX", cfg.ttl);

closeWithGrace({ delay: 10_000 }, async ({ err }) => {
  if (err) console.error(err);
  ready = false;
  stopping = true;
  clearInterval(heartbeat);
  ac.abort();
  await app.close();
  await redis.del(cfg.key);
  await onStop();
  await redis.quit();
});

await redis.connect();
await redis.ping();
await onStart();
await register();
heartbeat = setInterval(() => register().catch(() => {}), cfg.heartbeatMs);
await app.listen({ port: cfg.port, host: "127.0.0.1" });
ready = true;
mark("ready");
await run(ac.signal);
