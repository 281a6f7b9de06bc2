/** What the chart costs: whole lives without sockets, and the weight of many that run. */
import { runProgram } from "../kit/program.mjs";

export const lifecycle = {
  name: "lifecycle",
  title: "lives in process, without sockets",
  rounds: 9,
  quickRounds: 2,
  units: { lifeCpuUs: "µs of processor", runningKiB: "KiB" },
  async run({ rounds, quick, samples }) {
    for (let round = 0; round < rounds; round += 1) {
      const weigh = round < 3 ? (quick ? 2000 : 10_000) : 0;
      const { bareUs, serviceUs, machineKiB, serviceKiB } = await runProgram("lifecycle.mjs", [quick ? 300 : 1000, weigh]);
      samples.add("lifeCpuUs", "a service", serviceUs);
      samples.add("lifeCpuUs", "the bare chart", bareUs);
      samples.add("runningKiB", "a service", serviceKiB ?? Number.NaN);
      samples.add("runningKiB", "the bare chart", machineKiB ?? Number.NaN);
    }
  },
};
