/** One server, or one reader, in a process of its own: `child.mjs KIND`. Sends `{ port }` when it is ready, and its memory when asked. */
import { once } from "node:events";
import { createServer } from "node:net";

const root = new URL("../../dist/", import.meta.url);
const load = (path) => import(new URL(path, root));
const [kind] = process.argv.slice(2);
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const common = { redis: process.env.REDIS_URL, jitterMaxMs: 0, logger };

const { StargazerService } = await load("src/index.js");
class Plain extends StargazerService {
  onStart() {}
  run({ signal }) {
    return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  onStop() {}
}
const running = async (service) => {
  await service.boot();
  void service.runToCompletion();
  return service;
};
const healthPort = async (probeThread) => {
  const placeholder = createServer().listen(0, "127.0.0.1");
  await once(placeholder, "listening");
  const { port } = placeholder.address();
  await new Promise((resolve) => placeholder.close(resolve));
  await running(new Plain({ ...common, serviceName: "fuzzed", healthPort: port, probeThread }));
  return port;
};
const tier = async (path, name) => {
  const Tier = (await load(path))[name];
  return (await running(new Tier({ ...common, useHealthServer: false, port: 0 }))).http.port;
};

const kinds = {
  "health-thread": () => healthPort(true),
  "health-main": () => healthPort(false),
  gateway: () => tier("src/tiers/gateway/gateway.js", "GatewayService"),
  web: () => tier("src/tiers/web/web.js", "WebService"),
  async inference() {
    const { InferenceService } = await load("src/tiers/inference/inference.js");
    const responder = { name: "echo", respond: async (text) => `re ${text}`.slice(0, 1000) };
    await running(new InferenceService({ ...common, useHealthServer: false, responder, work: { retryMs: 1 } }));
    return 0;
  },
  async inspector() {
    const { inspect } = await load("src/inspector/inspect.js");
    const service = await running(new Plain({ ...common, serviceName: "fuzzed", useHealthServer: false }));
    const { url } = inspect(service, { kind: "page", port: 0 }, { print() {} });
    return Number(new URL(await url).port);
  },
  async recordings() {
    const { parseFlight, rerun, storyOf, testText } = await load("src/flight/index.js");
    process.on("message", ({ json }) => {
      if (json === undefined) return;
      try {
        const recording = parseFlight(json, "file");
        rerun(recording);
        storyOf(recording);
        testText(recording, "node");
        process.send({ done: "read" });
      } catch (error) {
        process.send(error?.code === "SG_ERR_CONFIG_INVALID" ? { done: "refused" } : { crash: String(error?.stack ?? error) });
      }
    });
    return 0;
  },
};

process.on("message", ({ ask }) => {
  if (ask === "memory") process.send({ memory: process.memoryUsage().rss });
});
process.once("disconnect", () => process.exit());
process.send({ port: await kinds[kind]() });
