/** Memory of services that do nothing, five seconds after they were ready. */
import { setTimeout as pause } from "node:timers/promises";
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { startRedis } from "../kit/redis.mjs";

export const memory = {
  name: "memory",
  title: "idle memory",
  rounds: 7,
  quickRounds: 1,
  units: { idleRssMb: "MB", threads: "" },
  async run({ rounds, samples, others }) {
    const redis = await startRedis();
    for (let round = 0; round < rounds; round += 1) {
      const field = [];
      for (const contestant of contestants("ours", "tier", "node-http", "fastify", ...others)) {
        field.push(await Launched.start(contestant, { redis: redis.port }));
        await field.at(-1).ready();
      }
      await pause(5000);
      for (const launched of field) {
        const { rssMb, threads } = launched.memory();
        samples.add("idleRssMb", launched.contestant.id, rssMb);
        samples.add("threads", launched.contestant.id, threads);
      }
      await Promise.all(field.map((launched) => launched.stop()));
    }
    await redis.stop();
  },
};
