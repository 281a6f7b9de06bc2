/** The probe thread's worker. It may start before the health server is loaded, and waits for its first message. */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/** The text that the thread evaluates. In dist it is the whole program: a bundler takes it along, and the thread reads no file. */
const program = `require(${JSON.stringify(fileURLToPath(new URL("./probe-thread.cjs", import.meta.url)))})`;

/**
 * The program needs about 4 MB, and more with each open connection; passing these limits ends the thread, not the process. The young
 * generation has Node's own bound: with 8 MB it is collected so often that a probe costs a twentieth more, and idle memory is the same.
 */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 48, stackSizeMb: 1 };

const startWorker = (): Worker => {
  const worker = new Worker(program, { eval: true, resourceLimits, env: {}, execArgv: [], name: "probes" });
  worker.unref();
  return worker;
};

let spare: Worker | undefined;

const forgetSpare = (): void => {
  spare = undefined;
};

/** Starts a thread for the next health server that takes one. An error here is met again, and reported, by that server. */
export const prepareWorker = (): void => {
  try {
    spare ??= startWorker().once("error", forgetSpare).once("exit", forgetSpare);
  } catch {
    // Node's permission model may forbid threads
  }
};

/** The prepared thread, else one that starts now, which takes about 40 ms beside this one. Keeps no process alive. */
export const takeWorker = (): Worker => {
  const worker = spare?.off("error", forgetSpare).off("exit", forgetSpare) ?? startWorker();
  forgetSpare();
  return worker;
};
