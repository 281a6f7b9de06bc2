// node lifecycle.mjs COUNT MACHINES: whole lives in process without sockets, of a service and of the bare chart; and what many weigh.
import { createActor, fromPromise, waitFor } from "xstate";
import { leaseMachine } from "../../../dist/machines/lease.machine.js";
import { lifecycleMachine } from "../../../dist/machines/lifecycle.machine.js";
import { StargazerService, seams } from "../../../dist/src/service/service.js";
import { noResources } from "../kit/resources.mjs";

const [count, machines] = process.argv.slice(2).map(Number);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const done = async () => {};
const ok = async () => ({ type: "ok" });
const untilAborted = (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
const settings = { jitterMaxMs: 0 };

class Service extends StargazerService {
  onStart() {}
  run({ signal }) {
    return untilAborted(signal);
  }
  onStop() {}
}

const newService = (i) =>
  new Service({ serviceName: "bench", instanceId: `i${i}`, logger: quiet, jitterMaxMs: 0, [seams]: { resources: noResources } });

/** as the service does it: provided once */
const bare = lifecycleMachine.provide({
  actors: {
    ...Object.fromEntries(
      ["pingRedis", "startTier", "openHealth", "closeHealth", "drainTier", "stopTier", "releaseTier", "closeRedis"].map(
        (name) => [name, fromPromise(done)],
      ),
    ),
    runTier: fromPromise(({ signal }) => untilAborted(signal)),
    lease: leaseMachine.provide({
      actors: { registerInstance: fromPromise(ok), renewLease: fromPromise(ok), deregisterInstance: fromPromise(done) },
    }),
  },
});

const serviceLife = async (i) => {
  const service = newService(i);
  const ended = service.runToCompletion();
  await service.waitFor("running");
  await service.shutdown();
  await ended;
};

const begin = async () => {
  const actor = createActor(bare, { input: { settings } }).start();
  actor.send({ type: "boot" });
  await waitFor(actor, (snapshot) => snapshot.matches({ healthy: "ready" }));
  actor.send({ type: "run" });
  return actor;
};

const bareLife = async () => {
  const actor = await begin();
  actor.send({ type: "shutdown", reason: "bench" });
  await waitFor(actor, (snapshot) => snapshot.status === "done");
};

const cpuUs = async (life) => {
  const { user, system } = process.cpuUsage();
  await Promise.all(Array.from({ length: count }, (_, i) => life(i)));
  const after = process.cpuUsage();
  return (after.user + after.system - user - system) / count;
};

const heapKiB = async (create) => {
  const kept = [];
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < machines; i += 1) kept.push(create(i));
  const made = await Promise.all(kept);
  globalThis.gc();
  const used = (process.memoryUsage().heapUsed - before) / machines / 1024;
  return [used, made.length][0];
};

const newRunning = async (i) => {
  const service = newService(i);
  void service.runToCompletion();
  await service.waitFor("running");
  return service;
};

await cpuUs(bareLife);
await cpuUs(serviceLife);
const lives = { bareUs: await cpuUs(bareLife), serviceUs: await cpuUs(serviceLife) };
const machineKiB = machines > 0 ? await heapKiB(begin) : Number.NaN;
const serviceKiB = machines > 0 ? await heapKiB(newRunning) : Number.NaN;
console.log(JSON.stringify({ ...lives, machineKiB, serviceKiB }));
process.exit(0);
