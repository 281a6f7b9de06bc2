#!/usr/bin/env node
/** `npm run chaos`: messages by seed to processes that are killed, frozen and stopped, on a Redis that restarts; counts what comes of each. */
import { readArguments } from "../kit/arguments.mjs";
import { abandonBy, progress, seedOfClock } from "../kit/command.mjs";
import { settings as floodSettings, runFlood, tableOfFlood } from "./flood.mjs";
import { runMessages, settings } from "./messages.mjs";
import { Processes } from "./processes.mjs";
import { ChaosRedis } from "./redis.mjs";
import { tableOf } from "./table.mjs";

const help = `npm run chaos [-- options]

Sends messages over skewed conversations, half of them by WebSocket through two gateways and half by stream, to four
workers, each a process of the built package, on a Redis of its own that keeps an append-only file. By seed, processes
get SIGKILL, SIGTERM, or SIGSTOP for longer than their leases, Redis is killed and restarted, and pages are reloaded.
Counts what came of each message at the stream of the answers and at the client.

  --scenario flood   instead: the time of a visitor beside one who floods, and how Redis grows meanwhile
  --seed N           default: one of the clock's, which is printed
  --messages N       default 20000
  --quick            600 messages over 40 conversations, each kind of harm once
  --logs FOLDER      writes the log of each process there
  --json             prints the result as JSON
  --help             this

Exit codes: 0 each message was answered once, in order, and seen so; 1 not so; 2 wrong usage.`;

const [string, flag] = [{ type: "string" }, { type: "boolean" }];
const { values, usage, whole } = readArguments("chaos", help, {
  options: { scenario: string, seed: string, messages: string, quick: flag, logs: string, json: flag },
});
const scenario = values.scenario ?? "messages";
if (!["messages", "flood"].includes(scenario)) usage(`--scenario is messages or flood, not ${JSON.stringify(scenario)}`);
const messages = whole("messages");
const seed = whole("seed") ?? seedOfClock();

const world = { isOver: false, visitors: [] };
abandonBy(async () => {
  world.isOver = true;
  await world.processes?.abandon();
  await world.redis?.stop();
});

world.redis = await ChaosRedis.start();
const isFlood = scenario === "flood";
world.processes = new Processes(world.redis.url, { settings: isFlood ? floodSettings : settings, logs: values.logs });
const startedAt = performance.now();
const given = messages === undefined ? {} : { messages };
const result = await (isFlood ? runFlood : runMessages)(world, { seed, quick: values.quick, given, progress });
const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
await world.redis.stop();
progress("");
const table = isFlood ? tableOfFlood : tableOf;
console.log(values.json ? JSON.stringify({ seed, seconds, ...result }) : table({ seed, seconds, ...result }));
process.exit(result.ok ? 0 : 1);
