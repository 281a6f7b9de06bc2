import http from "node:http";
import moleculer from "moleculer";
import { cfg, mark, onStart, onStop, run, work } from "./hooks.cjs";

const { ServiceBroker } = moleculer;

mark("start");
// The health-check middleware of moleculer's docs/templates: http server + lifecycle hooks.
function HealthMiddleware() {
  let state = "down";
  let server;
  return {
    created(broker) {
      state = "starting";
      server = http.createServer((req, res) => {
        const send = (code, body) => {
          const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
          if (state === "stopping") headers.connection = "close";
          res.writeHead(code, headers);
          res.end(body);
        };
        if (req.url === "/live") return send(state !== "down" ? 200 : 503, JSON.stringify({ state }));
        if (req.url === "/ready") {
          const ok = state === "up" && broker.transit.tx.connected;
          return send(ok ? 200 : 503, JSON.stringify({ state }));
        }
        if (req.url.startsWith("/work")) {
          const ms = Number(new URL(req.url, "http://x").searchParams.get("ms"));
          return void broker.call("worker.work", { ms }).then(
            () => send(200, '{"done":true}'),
            (e) => send(503, JSON.stringify({ e: e.message })),
          );
        }
        send(404, "{}");
      });
    },
    async started() {
      await new Promise((resolve, reject) => server.once("error", reject).listen(cfg.port, "127.0.0.1", resolve));
      state = "up";
    },
    async stopping() {
      state = "stopping";
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
    stopped() {
      state = "down";
    },
  };
}

const redis = cfg.redisUrl;
const broker = new ServiceBroker({
  nodeID: cfg.instanceId,
  transporter: redis,
  registry: { discoverer: { type: "Redis", options: { redis } } },
  tracking: { enabled: true, shutdownTimeout: 5000 },
  logger: false,
  middlewares: [HealthMiddleware()],
});
const ac = new AbortController();

broker.createService({
  name: "worker",
  actions: {
    work: {
      handler: async (ctx) => {
        await work(ctx.params.ms);
        return true;
      },
    },
  },
  async started() {
    await this.broker.transit.tx.clientPub.ping();
    await onStart();
  },
  async stopped() {
    ac.abort();
    await onStop();
  },
});

try {
  await broker.start();
} catch (err) {
  console.error(err);
  process.exit(1);
}
mark("ready");
run(ac.signal).catch(async (err) => {
  console.error(err);
  await broker.stop();
  process.exit(1);
});
