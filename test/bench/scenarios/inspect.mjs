/** What being watched costs a service, and how soon its light is seen. */
import { runProgram } from "../kit/program.mjs";
import { startRedis } from "../kit/redis.mjs";

export const inspect = {
  name: "inspect",
  title: "a life unwatched, with inspection off, with the page watching, with Stately's inspector",
  rounds: 5,
  quickRounds: 3,
  units: { inspectedLifeCpuUs: "µs of processor", inspectedLifeUs: "µs" },
  async run({ rounds, quick, samples }) {
    for (let round = 0; round < rounds; round += 1) {
      const figures = await runProgram("inspect.mjs", [quick ? 100 : 400]);
      for (const [name, { cpuUs, wallUs }] of Object.entries(figures)) {
        samples.add("inspectedLifeCpuUs", name, cpuUs);
        samples.add("inspectedLifeUs", name, wallUs);
      }
    }
  },
};

export const light = {
  name: "light",
  title: "from a transition in the service to its light in a browser",
  rounds: 3,
  quickRounds: 1,
  units: { lightMs: "ms" },
  async run({ rounds, samples, note }) {
    const redis = await startRedis();
    for (let round = 0; round < rounds; round += 1) {
      const { p50, p99, count } = await runProgram("light.mjs", [redis.url, 500]);
      if (count === 0) note("there is no Chromium, so no light was measured");
      samples.add("lightMs", "p50", p50 ?? Number.NaN);
      samples.add("lightMs", "p99", p99 ?? Number.NaN);
    }
    await redis.stop();
  },
};
