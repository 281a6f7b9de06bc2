/** What is fuzzed: each target opens what it needs and tries one input after the other. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { entries } from "./entries.mjs";
import { frameFrom, jsonLike, requestFrom, textFrom } from "./inputs.mjs";

const { Redis } = createRequire(import.meta.url)("ioredis");
const path = (file) => fileURLToPath(new URL(file, import.meta.url));
/** ms until an input without an answer counts as a hang; connections without a whole request end after Fastify's 10 s */
export const deadlineMs = 15_000;

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms, "late").unref());

/** A server in a process of its own. Its end is the end of `ended`. */
const startChild = async (kind, { url }) => {
  // a small heap: garbage is collected before it looks like growth, and what is kept for ever ends the child
  const child = spawn(process.execPath, ["--max-old-space-size=96", path("child.mjs"), kind], {
    env: { ...process.env, REDIS_URL: url },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let errors = "";
  child.stderr.on("data", (data) => {
    errors = (errors + data).slice(-2000);
  });
  const ended = once(child, "exit").then(() => `the process ended: ${errors}`);
  const [{ port }] = await Promise.race([once(child, "message"), ended.then((why) => Promise.reject(new Error(why)))]);
  const ask = async (message) => {
    const answer = once(child, "message").then(([given]) => given);
    child.send(message);
    return Promise.race([answer, ended.then((crash) => ({ crash })), after(deadlineMs)]);
  };
  return { port, ended, ask, memory: async () => (await ask({ ask: "memory" })).memory ?? 0, stop: () => child.kill("SIGKILL") };
};

/** Sends the bytes; resolves with undefined once anything was answered or the connection has ended, else with "late". */
const exchange = (port, bytes) =>
  Promise.race([
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      const done = () => {
        resolve(undefined);
        socket.destroy();
      };
      socket
        .once("data", done)
        .once("close", done)
        .on("error", () => {});
      socket.once("connect", () => socket.end(bytes));
    }),
    after(deadlineMs),
  ]);

/** Whether the server still answers a request that is as it should be. */
const answers = (port, where) =>
  Promise.race([
    new Promise((resolve) => {
      request({ port, host: "127.0.0.1", path: where, agent: false }, (response) => {
        let body = "";
        response.on("data", (data) => {
          body += data;
        });
        response.on("end", () => resolve({ status: response.statusCode, body }));
      })
        .on("error", (error) => resolve({ status: 0, body: String(error) }))
        .end();
    }),
    after(deadlineMs),
  ]);

const verdictOf = (outcome) => {
  if (outcome === "late") return { hang: true };
  return outcome?.crash === undefined ? {} : { crash: outcome.crash };
};

/** The child after an input: whether it lives, and every so often whether it still answers. */
const afterwards = async (child, n, outcome, where) => {
  if (outcome === "late" || n % 50 !== 0)
    return verdictOf(await Promise.race([outcome, child.ended.then((crash) => ({ crash }))]));
  const answer = await Promise.race([answers(child.port, where), child.ended.then((crash) => ({ crash }))]);
  return answer.status === 0 ? { crash: answer.body } : verdictOf(answer);
};

const httpTarget = (kind, where, paths) => async (place) => {
  const child = await startChild(kind, place);
  const tryOne = async (random, n) => afterwards(child, n, await exchange(child.port, requestFrom(random, paths)), where);
  return { tryOne, memory: child.memory, stop: child.stop };
};

/** What a page sends: any of it may be changed, and none has to be there. */
const messages = [
  { type: "hello", session: "00000000-0000-4000-8000-000000000000.signature", after: "1-1" },
  { type: "message", page: "0123456789abcdef", n: 1, text: "hello" },
  { type: "ping" },
];

const websocket = async (place) => {
  const child = await startChild("gateway", place);
  const hello = `GET /webchat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
  const tryOne = async (random, n) => {
    const frames = Array.from({ length: 1 + random.below(4) }, () => frameFrom(random, random.pick(messages)));
    return afterwards(child, n, await exchange(child.port, Buffer.concat([Buffer.from(hello), ...frames])), "/");
  };
  return { tryOne, memory: child.memory, stop: child.stop };
};

const entry = (instance) => ({
  ...{
    incarnation: 42,
    boot: "00ff",
    service: "fuzz",
    instance,
    status: "running",
    startedAt: 1,
    since: 2,
    host: "here",
    pid: 3,
  },
  ...{ version: "1.0.0", health: { host: "127.0.0.1", port: 9090 }, metadata: {} },
});

/** Hostile entries and events beside an honest entry, which the web tier has to go on listing. */
const registry = async (place) => {
  const redis = new Redis(place.url);
  const child = await startChild("web", place);
  const key = (instance) => `sg:registry:service:fuzz:${instance}`;
  const put = async (instance, text) => {
    await redis.set(key(instance), text, "PX", 600_000);
    await redis.zadd("sg:registry:idx:fuzz", 9e15, instance);
  };
  await redis.sadd("sg:registry:services", "fuzz");
  await put("honest", JSON.stringify(entry("honest")));
  const tryOne = async (random, n) => {
    // few names, so that the registry stays small
    const instance = random.chance(0.8) ? `hostile-${random.below(40)}` : textFrom(random);
    await put(instance === "honest" ? "other" : instance, jsonLike(random, entry(instance)));
    const event = {
      type: random.pick(["registered", "updated", "deregistered", "expired"]),
      service: "fuzz",
      instance,
      incarnation: 42,
    };
    const fields = Object.entries({ ...event, boot: "00ff", status: "running", since: 2 }).flat();
    if (random.chance(0.5)) fields[random.below(fields.length)] = textFrom(random);
    await redis.xadd("sg:registry:events", "MAXLEN", "~", 1000, "*", ...fields);
    if (n % 200 === 0) await redis.zremrangebyrank("sg:registry:idx:fuzz", 500, -1);
    await put("honest", JSON.stringify(entry("honest")));
    if (n % 20 !== 0) return {};
    const answer = await Promise.race([answers(child.port, "/api/fleet"), child.ended.then((crash) => ({ crash }))]);
    if (answer === "late" || answer.crash !== undefined) return verdictOf(answer);
    return answer.status === 200 && answer.body.includes('"instance":"honest"')
      ? {}
      : { crash: `the honest entry is hidden: ${answer.status}` };
  };
  const stop = () => {
    child.stop();
    redis.disconnect();
  };
  return { tryOne, memory: child.memory, stop };
};

const recording = {
  ...{
    format: "stargazer.flight/1",
    service: "svc",
    instance: "one",
    pid: 1,
    writtenAt: 1,
    path: "stopped",
    settings: {},
    dropped: 0,
  },
  entries: [{ kind: "step", at: 1, event: { type: "boot" }, path: "jitter" }],
  phases: [{ phase: "init", startedAt: 1, durationMs: 1, outcome: "done" }],
  end: { outcome: "failed", reason: "x", failures: [{ phase: "stopping", code: "SG_ERR_FAILED", message: "x" }] },
};
const recordings = async (place) => {
  const child = await startChild("recordings", place);
  const defaults = (await import(new URL("../../dist/machines/settings.js", import.meta.url))).defaultSettings;
  const tryOne = async (random) => {
    const whole = { ...recording, settings: defaults };
    const [step] = whole.entries;
    const entries = Array.from({ length: random.below(6) }, () => ({
      ...step,
      event: { type: random.pick(["boot", "run", textFrom(random)]) },
    }));
    return verdictOf(await child.ask({ json: jsonLike(random, { ...whole, entries }) }));
  };
  return { tryOne, memory: child.memory, stop: child.stop };
};

/** Commands that end by themselves; those that would start a fleet or a service are refused by an option that does not exist. */
const argumentsFrom = (random) => {
  const command = random.pick(["fleet", "inspect", "chat", "replay", "machines", "up", "run", "help", textFrom(random)]);
  const options = [
    "--json",
    "--help",
    "--redis",
    "--watch=x",
    "--once",
    "--test",
    "--instance",
    "--",
    "-x",
    "--redis=redis://127.0.0.1:1",
  ];
  const rest = Array.from({ length: random.below(5) }, () => (random.chance(0.6) ? random.pick(options) : textFrom(random)));
  const starts = command === "up" || command === "run";
  const tail = starts ? ["--no-such-option"] : ["--redis", "redis://127.0.0.1:1"];
  return [command, ...rest.filter((each) => each !== "--"), ...tail].map((each) =>
    each.replaceAll("\u0000", "").slice(0, 10_000),
  );
};
const cli = async () => {
  const program = path("../../dist/src/cli/main.js");
  const tryOne = async (random) => {
    const child = spawn(process.execPath, [program, ...argumentsFrom(random)], { stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    child.stdout.resume();
    child.stderr.on("data", (data) => {
      errors = (errors + data).slice(-4000);
    });
    const ended = await Promise.race([once(child, "close"), after(deadlineMs)]);
    if (ended === "late") child.kill("SIGKILL");
    const isCrash = ended !== "late" && (ended[1] !== null || /SG_ERR_INTERNAL|\n\s+at .+:\d+:\d+/.test(errors));
    return isCrash ? { crash: errors } : verdictOf(ended);
  };
  return { tryOne, memory: async () => 0, stop: () => {} };
};

const health = ["/healthz", "/readyz", "/status", "/metrics"];
export const targets = {
  "health-thread": httpTarget("health-thread", "/healthz", health),
  "health-main": httpTarget("health-main", "/healthz", health),
  web: httpTarget("web", "/", ["/", "/api/fleet", "/api/fleet/events", "/api/fleet/events?after=x", "/api/gateways"]),
  gateway: httpTarget("gateway", "/", ["/webchat", "/webchat?x=y", "/"]),
  inspector: httpTarget("inspector", "/", ["/", "/events", "/events?after=a.1", "/chart/lifecycle", "/command/shutdown"]),
  websocket,
  entries: entries({ startChild, after, deadlineMs }),
  registry,
  recordings,
  cli,
};
