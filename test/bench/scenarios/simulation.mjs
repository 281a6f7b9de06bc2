/** How many lives the simulation leads in a second of one processor: the production service in virtual time. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const program = fileURLToPath(new URL("../../simulation/main.mjs", import.meta.url));

const liveMs = async (seeds) => {
  const began = performance.now();
  await promisify(execFile)(process.execPath, [program, "--seeds", String(seeds), "--jobs", "1", "--json"], {
    maxBuffer: 1 << 26,
  });
  return performance.now() - began;
};

export const simulation = {
  name: "simulation",
  title: "the simulation",
  rounds: 7,
  quickRounds: 2,
  units: { livesPerSecond: "1/s" },
  async run({ rounds, quick, samples }) {
    const [few, many] = quick ? [20, 220] : [50, 2050];
    await liveMs(few);
    for (let round = 0; round < rounds; round += 1) {
      const rest = await liveMs(few);
      samples.add("livesPerSecond", "lives in virtual time", ((many - few) * 1000) / ((await liveMs(many)) - rest));
    }
  },
};
