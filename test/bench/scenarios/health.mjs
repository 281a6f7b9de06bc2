/** What a probe costs: services on one processor, 50 connections from the other. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { startRedis } from "../kit/redis.mjs";

const generator = fileURLToPath(new URL("../kit/load.mjs", import.meta.url));
const pinned = (core) => (process.platform === "linux" ? ["taskset", ["-c", String(core)]] : ["env", []]);

const load = async (address, seconds) => {
  const [command, args] = pinned(1);
  const { stdout } = await promisify(execFile)(command, [...args, process.execPath, generator, address, "50", String(seconds)]);
  return JSON.parse(stdout);
};

export const health = {
  name: "health",
  title: "health throughput",
  rounds: 9,
  quickRounds: 2,
  units: { liveRps: "1/s", readyRps: "1/s", liveCpuUs: "µs", readyCpuUs: "µs" },
  async run({ rounds, quick, samples, others, note }) {
    const redis = await startRedis();
    const field = [];
    for (const contestant of contestants("ours", "node-http", "fastify", ...others)) {
      const launched = await Launched.start(contestant, { redis: redis.port, core: 0 });
      await launched.ready();
      field.push(launched);
    }
    for (let round = -1; round < rounds; round += 1)
      for (const route of ["live", "ready"])
        for (const launched of field) {
          const before = launched.cpuMs();
          const { requests, failures, seconds } = await load(launched.address(route), quick ? 1 : 2);
          const { id } = launched.contestant;
          if (round < 0) continue;
          if (failures > 0) note(`${id}: ${failures} of ${requests} answers on ${route} were no 200`);
          samples.add(`${route}Rps`, id, requests / seconds);
          samples.add(`${route}CpuUs`, id, (1000 * (launched.cpuMs() - before)) / requests);
        }
    await Promise.all(field.map((launched) => launched.stop()));
    await redis.stop();
  },
};
