/** A processor of which only a part may be used, where pods live: cold start, probes, the first scrape and an idle stop. */
import { setTimeout as pause } from "node:timers/promises";
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { probe } from "../kit/probe.mjs";
import { openQuota } from "../kit/quota.mjs";
import { startRedis } from "../kit/redis.mjs";
import { median } from "../kit/stats.mjs";

export const quotas = [1, 0.5, 0.25, 0.1];
const probes = 10;
/** ms; a look for readiness costs the service a connection, and so does a probe */
const lookEveryMs = 20;
const probeEveryMs = 50;
const longMs = 60_000;

export const slowMetrics = { coldMs: "cold start", probeMs: "a probe", scrapeMs: "first scrape", stopMs: "idle stop" };

export const slow = {
  name: "slow",
  title: "a part of a processor",
  rounds: 5,
  quickRounds: 1,
  units: Object.fromEntries(quotas.flatMap((cores) => Object.keys(slowMetrics).map((metric) => [`${metric} ${cores}`, "ms"]))),
  async run({ rounds, samples, others, note }) {
    const redis = await startRedis();
    for (const cores of quotas) await within(cores, { redis, rounds, samples, others, note });
    await redis.stop();
  },
};

const within = async (cores, { redis, rounds, samples, others, note }) => {
  let quota;
  try {
    quota = openQuota(cores);
  } catch ({ message }) {
    return note(`a quota of ${cores} of a processor cannot be set: ${message}`);
  }
  for (let round = 0; round < rounds; round += 1)
    for (const contestant of contestants("ours", "tier", "node-http", "fastify", ...others)) {
      const figures = await oneLife(contestant, { redis: redis.port, quota });
      for (const [metric, value] of Object.entries(figures)) samples.add(`${metric} ${cores}`, contestant.id, value);
    }
  quota.close();
};

const oneLife = async (contestant, options) => {
  const launched = await Launched.start(contestant, options);
  const coldMs = await launched.ready(longMs, lookEveryMs);
  await pause(1000);
  const took = [];
  for (let i = 0; i < probes; i += 1) {
    took.push(await timed(launched.address("ready")));
    await pause(probeEveryMs);
  }
  const { metrics } = contestant;
  const scraped = metrics === undefined ? {} : { scrapeMs: await timed(launched.address("metrics")) };
  await pause(500);
  return { coldMs, probeMs: median(took), ...scraped, stopMs: await launched.stop(longMs) };
};

const timed = async (address) => {
  const began = performance.now();
  return (await probe(address, longMs)) === 200 ? performance.now() - began : Number.NaN;
};
