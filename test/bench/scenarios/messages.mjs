/** One worker at 1,000 messages a second: what a message costs its worker and Redis, and how long it waits. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { kill, track } from "../kit/cleanup.mjs";
import { peerFolder } from "../kit/peers.mjs";
import { eventually, serverCpuUs, startRedis } from "../kit/redis.mjs";

const folder = fileURLToPath(new URL("../programs/messages/", import.meta.url));
const perSecond = 1000;
const warmUp = 1500;

const modules = {
  "ours, in lanes": () => join(folder, "ours.mjs"),
  BullMQ: () => join(peerFolder("bullmq"), "messages.mjs"),
  "XREADGROUP by hand": () => join(folder, "plain.mjs"),
};

/** Which programs are measured, in the order of the tables. */
export const programs = Object.keys(modules);

/** What each figure is, for tables and pictures. */
export const messageMetrics = {
  workerUs: { what: "processor time of the worker", unit: "µs" },
  redisUs: { what: "processor time of Redis", unit: "µs" },
  messageUs: { what: "processor time in all", unit: "µs" },
  p50Ms: { what: "wait, p50", unit: "ms" },
  p99Ms: { what: "wait, p99", unit: "ms" },
};

export const messages = {
  name: "messages",
  title: "messages at 1,000 a second",
  rounds: 7,
  quickRounds: 2,
  bases: { BullMQ: "BullMQ", "by hand": "XREADGROUP by hand" },
  units: Object.fromEntries(Object.entries(messageMetrics).map(([metric, { unit }]) => [metric, unit])),
  async run({ rounds, quick, samples }) {
    for (let round = 0; round < rounds; round += 1)
      for (const [id, module] of Object.entries(modules)) {
        const measured = await oneRound(module(), quick ? 2000 : 5000);
        for (const [metric, value] of Object.entries(measured)) samples.add(metric, id, value);
      }
  },
};

export const oneRound = async (module, count) => {
  const redis = await startRedis();
  const worker = await Program.start("worker.mjs", module, redis.port);
  const writer = await Program.start("writer.mjs", module, redis.port);
  await writer.ask({ count: warmUp, perSecond });
  await handled(worker, warmUp);
  const before = await worker.ask("reset");
  const serverBefore = await serverCpuUs(redis.client);
  await writer.ask({ count, perSecond });
  const after = await handled(worker, count);
  const redisUs = ((await serverCpuUs(redis.client)) - serverBefore) / count;
  const workerUs = (after.cpuUs - before.cpuUs) / count;
  const { delays } = await worker.ask("delays");
  await writer.end();
  await worker.end();
  await redis.stop();
  const sorted = delays.sort((a, b) => a - b);
  const at = (part) => sorted[Math.floor(part * (sorted.length - 1))];
  return { workerUs, redisUs, messageUs: workerUs + redisUs, p50Ms: at(0.5), p99Ms: at(0.99) };
};

const handled = (worker, count) =>
  eventually("every message is handled", async () => {
    const state = await worker.ask("state");
    return state.handled >= count && state;
  });

/** A process that answers one question at a time. */
class Program {
  static async start(name, module, port) {
    const program = new Program();
    const env = { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "", NODE_EXTRA_CA_CERTS: "" };
    program.child = track(
      fork(join(folder, name), [module, String(port)], { env, stdio: ["ignore", "ignore", "inherit", "ipc"] }),
    );
    await program.#answer(name);
    return program;
  }

  async ask(question) {
    const answer = this.#answer(JSON.stringify(question));
    this.child.send(question);
    return answer;
  }

  async end() {
    this.child.disconnect();
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
  }

  async #answer(what) {
    const end = new AbortController();
    const timer = setTimeout(() => kill(this.child), 60_000);
    const { signal } = end;
    try {
      const gone = once(this.child, "exit", { signal }).then(() => Promise.reject(new Error(`no answer to ${what}`)));
      return (await Promise.race([once(this.child, "message", { signal }), gone]))[0];
    } finally {
      clearTimeout(timer);
      end.abort();
    }
  }
}
