import http from "node:http";
import { Redis } from "ioredis";
import { cfg, mark, onStart, onStop, run, work } from "./hooks.cjs";

mark("start");
const redis = new Redis(cfg.redisUrl, { lazyConnect: true });
redis.on("error", () => {});
const ac = new AbortController();
let ready = false;
let stopping = false;
let heartbeat;

function send(res, code, body) {
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  if (stopping) headers.connection = "close";
  res.writeHead(code, headers);
  res.end(body);
}
const server = http.createServer((req, res) => {
  const url = req.url;
  if (url === "/live") return send(res, 200, '{"status":"ok"}');
  if (url === "/ready") {
    return ready && redis.status === "ready" ? send(res, 200, '{"status":"ready"}') : send(res, 503, '{"status":"unready"}');
  }
  if (url.startsWith("/work")) {
    const ms = Number(new URL(url, "http://x").searchParams.get("ms"));
    return void work(ms).then(() => send(res, 200, '{"done":true}'));
  }
  send(res, 404, "{}");
});

const register = () => redis.set(cfg.key, cfg.value, "EX", cfg.ttl);

async function shutdown(code) {
  if (stopping) return;
  stopping = true;
  ready = false;
  clearInterval(heartbeat);
  ac.abort();
  await new Promise((resolve) => server.close(resolve));
  await redis.del(cfg.key);
  await onStop();
  await redis.quit();
  process.exit(code);
}
process.on("SIGTERM", () => shutdown(0));
process.on("SIGINT", () => shutdown(0));

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
  return shutdown(1);
});
