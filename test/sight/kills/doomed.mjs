/** A service that is killed at a moment by seed, and writes each arrow that its chart takes to a file, with the time, before the next line runs. */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { statePath } from "../../../dist/machines/state.js";
import { launch, StargazerService } from "../../../dist/src/index.js";
import { momentOf } from "./moments.mjs";

const { folder, ...by } = JSON.parse(process.env.SIGHT_KILLS);

/** The number of this life: the first one that no other process has taken. */
const take = (number) => {
  try {
    return { number, log: openSync(join(folder, `${number}.log`), "wx") };
  } catch {
    return take(number + 1);
  }
};
const { number, log } = take(by.first);
const { place, afterMs, isAside, isSteady } = momentOf({ ...by, number });
const write = (line) => writeSync(log, `${JSON.stringify(line)}\n`);
process.env.SG_VERSION = `1.${number}.0`;
write({ instance: process.env.SG_INSTANCE_ID, number });

const die = (died = Date.now()) => {
  write({ died });
  process.kill(process.pid, "SIGKILL");
};
/** Two turns later: what was noted before has been sent, also where a busy machine lets the timers of two turns fire at once. */
const dieSteadily = () => {
  const died = Date.now();
  setImmediate(() => setImmediate(die, died));
};

const memory = new SharedArrayBuffer(8);
const killer = isAside ? new Worker(new URL("killer.mjs", import.meta.url), { workerData: { memory, log } }) : undefined;
const isReady = killer && new Promise((resolve) => killer.once("message", resolve));
killer?.unref();

const doom = () => {
  if (isSteady) return void setTimeout(dieSteadily, afterMs);
  if (killer === undefined) return afterMs < 1 ? die() : void setTimeout(() => die(), afterMs);
  const at = new Int32Array(memory);
  Atomics.store(at, 0, 1 + Math.round(afterMs));
  Atomics.notify(at, 0);
};
// the last step may be over sooner
process.once("exit", () => die());

/** Holds the event loop until the process is killed. */
const block = () => {
  const until = killer === undefined ? performance.now() + afterMs : Number.POSITIVE_INFINITY;
  while (performance.now() < until);
  die();
};

/** Hangs in the place where it is to be killed; elsewhere it goes on after some ms. */
const stay = (here) => (here === place ? new Promise(() => {}) : pause(5 + 30 * Math.random()));
const stops = place.startsWith("stopping.");

class Doomed extends StargazerService {
  constructor() {
    const long = 3000;
    super({
      ...{ serviceName: "doomed", healthPort: 0, jitterMaxMs: 0, leaseTtlMs: by.leaseTtlMs, heartbeatMs: by.leaseTtlMs / 3 },
      ...{ startTimeoutMs: 5000, drainTimeoutMs: long, stopTimeoutMs: long, shutdownTimeoutMs: 3 * long },
      drainDelayMs: place === "stopping.announcing" ? long : 0,
    });
  }
  async onStart({ defer, phase }) {
    await isReady;
    await phase("config", () => stay("starting.config"));
    defer(() => stay("stopping.releasing"));
    if (place === "starting.blocked") await phase("blocked", block);
    await phase("model", () => stay("starting.model"));
  }
  async run({ signal, phase }) {
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
    await phase("warming", () => pause(5));
    if (stops) setTimeout(() => process.kill(process.pid, "SIGTERM"), 100 * Math.random());
    await phase("serving", () => (place === "stopping.draining" ? new Promise(() => {}) : aborted));
  }
  async onStop() {
    await stay("stopping.unwinding");
  }
}

let isDoomed = false;
await launch(() => {
  const service = new Doomed();
  service.actor.inspect(({ type, actorRef, event, _transitions, snapshot }) => {
    if (type !== "@xstate.microstep" || actorRef.id !== "lifecycle" || _transitions.length === 0) return;
    const path = statePath(snapshot);
    write({ at: Date.now(), event: event.type, phase: event.phase, path });
    if (isDoomed || (path !== place && (event.type !== "phase.began" || event.phase !== place))) return;
    isDoomed = true;
    // an event loop that is held has no timer
    if (place !== "starting.blocked" || killer !== undefined) doom();
  });
  return service;
});
