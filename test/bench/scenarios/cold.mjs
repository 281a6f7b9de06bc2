/** From spawn to the first 200 on readiness, and back: nothing else runs, the page cache is warm, jitter is off. */
import { setTimeout as pause } from "node:timers/promises";
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { startRedis } from "../kit/redis.mjs";

export const cold = {
  name: "cold",
  title: "cold start, start to ready, idle shutdown",
  rounds: 11,
  quickRounds: 4,
  units: {
    coldMs: "ms",
    importsMs: "ms",
    startToReadyMs: "ms",
    cpuAtReadyMs: "ms",
    peakRssMb: "MB",
    idleStopMs: "ms",
  },
  async run({ rounds, samples, others, note }) {
    const redis = await startRedis();
    const field = contestants("ours", "early", "bundled", "tier", "node-http", "fastify", ...others);
    for (let round = -1; round < rounds; round += 1)
      for (const contestant of turned(field, round)) {
        const launched = await Launched.start(contestant, { redis: redis.port });
        const coldMs = await launched.ready();
        await pause(contestant.id === "moleculer" ? 400 : 60);
        const { start, ready, readyCpu } = launched.marks();
        const cpu = readyCpu ?? launched.cpuMs();
        await pause(200);
        const { peakMb } = launched.memory();
        const idleStopMs = await launched.stop();
        const left = await launched.keys(redis.client);
        if (left.length > 0) note(`${contestant.id} left ${left.length} key(s)`);
        if (launched.exit.code !== 0) note(`${contestant.id} ended with ${launched.exit.code ?? launched.exit.signal}`);
        if (round < 0) continue;
        const add = (metric, value = Number.NaN) => samples.add(metric, contestant.id, value);
        add("coldMs", coldMs);
        add("importsMs", start);
        add("startToReadyMs", ready - start);
        add("cpuAtReadyMs", cpu);
        add("peakRssMb", peakMb);
        add("idleStopMs", idleStopMs);
      }
    await redis.stop();
  },
};

/** Another one begins each round, so that none always follows the same other. */
const turned = (field, round) => field.map((_, at) => field[(at + round + 1) % field.length]);
