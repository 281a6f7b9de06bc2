import underPressure from "@fastify/under-pressure";
import closeWithGrace from "close-with-grace";
import Fastify from "fastify";
import { Redis } from "ioredis";
import { cfg, mark, onStart, onStop, run, work } from "./hooks.cjs";

mark("start");
const redis = new Redis(cfg.redisUrl, { lazyConnect: true });
redis.on("error", () => {});
const app = Fastify({ logger: false });
const ac = new AbortController();
let ready = false;
let heartbeat;

app.register(underPressure, { maxEventLoopDelay: 1000, exposeStatusRoute: { url: "/live" } });
app.get("/ready", async (_request, reply) => {
  if (ready && redis.status === "ready") return { status: "ready" };
  reply.code(503);
  return { status: "unready" };
});
app.get("/work", async (request) => {
  await work(Number(request.query.ms));
  return { done: true };
});

const register = () => redis.set(cfg.key, cfg.value, "EX", cfg.ttl);

closeWithGrace({ delay: 10_000 }, async ({ err }) => {
  if (err) console.error(err);
  ready = false;
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
