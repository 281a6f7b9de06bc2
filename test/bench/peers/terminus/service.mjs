import http from "node:http";
import terminusPkg from "@godaddy/terminus";
import { Redis } from "ioredis";
import { cfg, mark, onStart, onStop, run, work } from "./hooks.cjs";

const { createTerminus, HealthCheckError } = terminusPkg;

mark("start");
const redis = new Redis(cfg.redisUrl, { lazyConnect: true });
redis.on("error", () => {});
const ac = new AbortController();
let ready = false;
let heartbeat;

const server = http.createServer((req, res) => {
  if (req.url.startsWith("/work")) {
    const ms = Number(new URL(req.url, "http://x").searchParams.get("ms"));
    return void work(ms).then(() => {
      res.writeHead(200, { "content-type": "application/json" });
      res.end('{"done":true}');
    });
  }
  res.writeHead(404);
  res.end();
});
const register = () => redis.set(cfg.key, cfg.value, "EX", cfg.ttl);

createTerminus(server, {
  signals: ["SIGTERM", "SIGINT"],
  useExit0: true, // default: re-raises the signal (exit by SIGTERM = 143)
  healthChecks: {
    "/live": async () => {},
    "/ready": async () => {
      if (!ready || redis.status !== "ready") throw new HealthCheckError("unready", ["redis"]);
    },
  },
  beforeShutdown: async () => {
    ready = false;
    clearInterval(heartbeat);
    ac.abort();
  },
  onSignal: async () => {
    await redis.del(cfg.key);
    await onStop();
    await redis.quit();
  },
});

try {
  await redis.connect();
  await redis.ping();
  await onStart();
  await register();
  heartbeat = setInterval(() => register().catch(() => {}), cfg.heartbeatMs);
  await new Promise((resolve, reject) => server.once("error", reject).listen(cfg.port, "127.0.0.1", resolve));
} catch (err) {
  console.error(err);
  process.exit(1);
}
ready = true;
mark("ready");
run(ac.signal).catch((err) => {
  console.error(err);
  process.exit(1);
});
