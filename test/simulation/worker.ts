/** One of several threads that live seeds at the same time. */
import { parentPort, workerData } from "node:worker_threads";
import type { RunOptions } from "./run.ts";
import { simulate } from "./run.ts";

Error.stackTraceLimit = 0;
const result = await simulate({
  ...(workerData as RunOptions),
  onProgress: (progress) => parentPort?.postMessage({ progress }),
});
parentPort?.postMessage({ result });
