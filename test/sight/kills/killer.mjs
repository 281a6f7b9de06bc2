/** A thread that ends its process by SIGKILL, also while the event loop is blocked. */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const { memory, log } = workerData;
const at = new Int32Array(memory);

// 0 until the arrow is taken, then the ms from there to the death, and one more
parentPort.postMessage("ready");
Atomics.wait(at, 0, 0);
Atomics.wait(at, 1, 0, at[0] - 1);
writeSync(log, `${JSON.stringify({ died: Date.now() })}\n`);
process.kill(process.pid, "SIGKILL");
