/** The thread of the probes as a thread: started beside the loading of the rest, and told later whom it answers for. */
import { Worker } from "node:worker_threads";

/** The program needs about 4 MB, and more with each open connection; what passes these limits ends the thread, not the process. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 1 };

const startWorker = (): Worker => {
  const program = new URL("./probe-thread.cjs", import.meta.url);
  const worker = new Worker(program, { resourceLimits, env: {}, execArgv: [], name: "probes" });
  worker.unref();
  return worker;
};

let spare: Worker | undefined;

const forgetSpare = (): void => {
  spare = undefined;
};

/** Starts a thread for the next service that wants one. What fails here is met again, and told, by that service. */
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
