/** Ten thousand instances come up at once, with and without the boot jitter. */

import { drawScript, registerScript } from "../../../dist/src/registry/scripts.js";
import { runProgram } from "../kit/program.mjs";
import { startRedis } from "../kit/redis.mjs";

export const storm = {
  name: "storm",
  title: "a storm of registrations",
  rounds: 7,
  quickRounds: 2,
  units: { p99Ms: "ms", p50Ms: "ms", peakPerSecond: "1/s", allUpMs: "ms" },
  async run({ rounds, quick, samples }) {
    const count = quick ? 4000 : 10_000;
    for (let round = 0; round < rounds; round += 1)
      for (const [name, jitterMs] of [
        ["0-2 s jitter", 2000],
        ["no jitter", 0],
      ]) {
        const redis = await startRedis(["--maxclients", "20000"]);
        for (const { lua } of [drawScript, registerScript]) await redis.client.script("LOAD", lua);
        const { p50, p99, peakPerSecond, allUpMs } = await runProgram("storm.mjs", [redis.port, count, jitterMs]);
        samples.add("p99Ms", name, p99);
        samples.add("p50Ms", name, p50);
        samples.add("peakPerSecond", name, peakPerSecond);
        samples.add("allUpMs", name, allUpMs);
        await redis.stop();
      }
  },
};
