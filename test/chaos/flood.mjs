/** The scenario `flood`: a visitor beside another one who takes all that one may; the limits are those of the product. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { open, send } from "./chat.mjs";

const program = fileURLToPath(new URL("flooder.mjs", import.meta.url));

const modelMs = 2000;
/** the next visitor's time beside a flood, at most so much of its time alone */
const longestRatio = 1.2;
/** what Redis may grow by in a second of a flood: what one address is allowed to write */
const growthPerS = 262_144;

/** Settings of the tiers. */
export const settings = { limits: {}, work: {}, thinkMs: [modelMs, modelMs] };

/** ms from a question to its answer. */
const ask = async (address) => {
  const chat = await open(address);
  const startedAt = performance.now();
  const answered = new Promise((resolve, reject) => {
    chat.onFrame = ({ type, role }) => type === "line" && role === "assistant" && resolve();
    setTimeout(reject, 60_000, new Error("the visitor has no answer within 60 s")).unref();
  });
  send(chat, 1, "hello");
  await answered;
  chat.socket.close();
  return performance.now() - startedAt;
};

const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Each begins a flood, and resolves with what ends it. */
const floods = {
  "32 letters and gone": async (address) => {
    const chat = await open(address);
    for (let n = 1; n <= 32; n += 1) send(chat, n, String.fromCharCode(96 + (n % 26 || 26)));
    await pause(50);
    chat.socket.terminate();
  },
  "100 messages": async (address) => {
    const chat = await open(address);
    for (let n = 1; n <= 100; n += 1) send(chat, n, `message ${n}`);
    return () => chat.socket.terminate();
  },
  "40 questions": async (address) => {
    const chats = await Promise.all(Array.from({ length: 4 }, () => open(address)));
    for (let n = 1; n <= 10; n += 1) for (const chat of chats) send(chat, n, `question ${n}?`);
    return () => chats.map(({ socket }) => socket.terminate());
  },
  // a process of its own: what it takes of the processor is not the visitor's
  "4 sockets at full speed": async (address) => {
    const child = fork(program, address, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    await once(child, "message");
    return async () => {
      child.disconnect();
      await once(child, "exit");
    };
  },
};

const memoryOf = async (redis) => Number(/used_memory:(\d+)/.exec(await redis.info("memory"))[1]);

/** Resolves with the times of the visitor, and with how much Redis grew. */
export const runFlood = async (world, { progress }) => {
  await Promise.all([world.processes.start("inference", 1), world.processes.start("gateway", 1)]);
  const redis = await world.redis.connect({ asAdmin: true });
  const [gateway] = world.processes.addresses;
  const asks = () => Promise.all(["198.51.100.1", "198.51.100.2", "198.51.100.3"].map((from) => ask([from, gateway])));
  await asks();
  const aloneMs = middle(await asks());
  const beside = {};
  let block = 0;
  for (const [name, begin] of Object.entries(floods)) {
    progress(`${name}; alone ${Math.round(aloneMs)} ms`);
    block += 1;
    const end = await begin([`203.0.113.${block}`, gateway]);
    await pause(1000);
    const [before, startedAt] = [await memoryOf(redis), performance.now()];
    const ms = middle(await asks());
    // what a burst is allowed is written by now
    await pause(4000);
    const grown = ((await memoryOf(redis)) - before) / ((performance.now() - startedAt) / 1000);
    await end?.();
    beside[name] = { ms: Math.round(ms), ratio: Math.round((ms / aloneMs) * 100) / 100, bytesPerS: Math.round(grown) };
    if (world.isOver) break;
  }
  await world.processes.end();
  const { odd } = world.processes;
  const isRight = ({ ratio, bytesPerS }) => ratio <= longestRatio && bytesPerS <= growthPerS;
  return { ok: odd.length === 0 && Object.values(beside).every(isRight), aloneMs: Math.round(aloneMs), beside, odd };
};

/** For a terminal. */
export const tableOfFlood = ({ ok, seconds, aloneMs, beside, odd }) =>
  [
    `the next visitor's answer, by a model of ${modelMs} ms: ${aloneMs} ms alone (in all ${seconds} s)`,
    "",
    `${"beside".padEnd(28)}${"ms".padStart(8)}${"ratio".padStart(8)}${"Redis, KiB/s".padStart(14)}`,
    ...Object.entries(beside).map(
      ([name, { ms, ratio, bytesPerS }]) =>
        `${name.padEnd(28)}${String(ms).padStart(8)}${ratio.toFixed(2).padStart(8)}${(bytesPerS / 1024).toFixed(0).padStart(14)}`,
    ),
    ...odd,
    "",
    ok ? `within ${longestRatio} times, and Redis is flat` : "NOT RIGHT",
  ].join("\n");
