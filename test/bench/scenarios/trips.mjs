/** Redis 100 ms away: how long a boot and a stop take, and how many answers they wait for, one after the other. */
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { startRedis } from "../kit/redis.mjs";
import { startSlowProxy } from "../kit/slow-proxy.mjs";

const eachWayMs = 50;

export const trips = {
  name: "trips",
  title: "Redis 100 ms away",
  rounds: 7,
  quickRounds: 2,
  units: { bootTrips: "trips", stopTrips: "trips", slowBootMs: "ms", slowStopMs: "ms" },
  async run({ rounds, samples, others }) {
    const redis = await startRedis();
    for (let round = 0; round < rounds; round += 1)
      for (const contestant of contestants("ours", "node-http", "fastify", ...others)) {
        const proxy = await startSlowProxy(redis.port, eachWayMs);
        const launched = await Launched.start(contestant, { redis: proxy.port });
        const ready = launched.began + (await launched.ready());
        const { start, ready: marked } = await settled(launched);
        const at = performance.now();
        const stopMs = await launched.stop();
        samples.add("bootTrips", contestant.id, proxy.answered(launched.began, ready));
        samples.add("stopTrips", contestant.id, proxy.answered(at, at + stopMs));
        samples.add("slowBootMs", contestant.id, marked - start);
        samples.add("slowStopMs", contestant.id, stopMs);
        proxy.stop();
      }
    await redis.stop();
  },
};

/** What is on its way once it is ready has arrived: the stop is measured by itself. */
const settled = async (launched) => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return launched.marks();
};
