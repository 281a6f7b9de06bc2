// node many.mjs COUNT: so many services in one process, without sockets: from their constructors to their reports.
import { StargazerService } from "../../../dist/src/index.js";

const count = Number(process.argv[2]);
const silent = { debug() {}, info() {}, warn() {}, error() {} };

class Quiet extends StargazerService {
  onStart() {}
  run({ signal }) {
    return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  onStop() {}
}

const live = async (services) => {
  const options = { redis: null, useHealthServer: false, jitterMaxMs: 0, drainDelayMs: 0, logger: silent };
  const used = process.cpuUsage();
  const all = Array.from({ length: services }, (_, i) => new Quiet({ serviceName: `quiet-${i}`, ...options }));
  const reports = all.map((service) => service.runToCompletion());
  await Promise.all(all.map((service) => service.waitFor("running")));
  for (const service of all) void service.shutdown("measured");
  await Promise.all(reports);
  const { user, system } = process.cpuUsage(used);
  return (user + system) / 1000;
};

// what V8 compiles is compiled by then
for (let round = 0; round < 5; round += 1) await live(200);
console.log(JSON.stringify({ cpuMs: await live(count) }));
process.exit(0);
