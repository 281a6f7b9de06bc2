/** What the journal costs a service and Redis: with it and with SG_JOURNAL=0, in turn on one Redis. */
import { setTimeout as pause } from "node:timers/promises";
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { runProgram } from "../kit/program.mjs";
import { serverCpuUs, startRedis } from "../kit/redis.mjs";

const journalKey = "sg:fleet:journal";
/** the environment of each way */
export const ways = { "with the journal": {}, "SG_JOURNAL=0": { SG_JOURNAL: "0" } };

/** What each figure is, for tables. */
export const journalMetrics = {
  startToReadyMs: { what: "start to ready", unit: "ms" },
  idleStopMs: { what: "idle stop", unit: "ms" },
  idleRssMb: { what: "idle memory", unit: "MB" },
  livesPerSecond: { what: "lives a second, one after the other", unit: "1/s" },
  lifeCpuMs: { what: "processor time of a life", unit: "ms" },
  redisUs: { what: "processor time of Redis a life", unit: "µs" },
  journalUs: { what: "of it the journal's", unit: "µs" },
  journalBytes: { what: "memory of Redis a life", unit: "bytes" },
  messages: { what: "messages a life", unit: "" },
};

export const journal = {
  name: "journal",
  title: "what the journal costs",
  rounds: 9,
  quickRounds: 2,
  bases: { "SG_JOURNAL=0": "SG_JOURNAL=0" },
  units: Object.fromEntries(Object.entries(journalMetrics).map(([metric, { unit }]) => [metric, unit])),
  async run({ rounds, quick, samples }) {
    const redis = await startRedis();
    for (let round = 0; round < rounds; round += 1) {
      const names = round % 2 ? Object.keys(ways) : Object.keys(ways).toReversed();
      for (const name of names) {
        const measured = { ...(await oneProcess(ways[name], redis)), ...(await lives(ways[name], redis, quick ? 50 : 200)) };
        for (const [metric, value] of Object.entries(measured)) samples.add(metric, name, value);
      }
      const [used, without] = Object.keys(ways).map((name) => samples.values("redisUs", name)[round]);
      samples.add("journalUs", "with the journal", used - without);
    }
    await redis.stop();
  },
};

/** The boot, the memory and the stop of a process that does nothing. */
const oneProcess = async (env, redis) => {
  const launched = await Launched.start(contestants("ours")[0], { redis: redis.port, env });
  await launched.ready();
  await pause(1000);
  const { start, ready } = launched.marks();
  const { rssMb } = launched.memory();
  return { startToReadyMs: ready - start, idleRssMb: rssMb, idleStopMs: await launched.stop() };
};

/** Lives in one process, and what Redis did and kept for them. */
const lives = async (env, redis, count) => {
  const { client, url } = redis;
  await client.flushall();
  const before = await serverCpuUs(client);
  const { perSecond, cpuMs } = await runProgram("lives.mjs", [count, url], env);
  const redisUs = ((await serverCpuUs(client)) - before) / count;
  const bytes = Number(await client.call("MEMORY", "USAGE", journalKey, "SAMPLES", "0")) / count;
  return {
    livesPerSecond: perSecond,
    lifeCpuMs: cpuMs,
    redisUs,
    journalBytes: bytes,
    messages: (await client.xlen(journalKey)) / count,
  };
};
