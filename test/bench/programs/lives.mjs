// node lives.mjs COUNT URL: whole lives of a service, one after the other, from its constructor to its report, on the Redis of that URL.
import { StargazerService } from "../../../dist/src/index.js";

const count = Number(process.argv[2]);
const redis = process.argv[3];
const quiet = { debug() {}, info() {}, warn() {}, error: console.error };

class Service extends StargazerService {
  onStart() {}
  run({ signal }) {
    return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  onStop() {}
}

const live = async (number) => {
  const own = { redis, serviceName: "bench", instanceId: `${process.pid}x${number}`, healthPort: 0, jitterMaxMs: 0 };
  const service = new Service({ ...own, logger: quiet });
  const ended = service.runToCompletion();
  await service.waitFor("running");
  await service.shutdown("measured");
  const { outcome, failures } = await ended;
  if (outcome !== "shutdown") throw new Error(`a life ended as ${outcome}: ${JSON.stringify(failures)}`);
};

const began = performance.now();
for (let number = 0; number < count; number += 1) await live(number);
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ perSecond: count / seconds, cpuMs: (user + system) / 1000 / count }));
process.exit(0);
