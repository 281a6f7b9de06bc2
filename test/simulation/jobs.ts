/** Shares seeds out among threads. The result is the same as that of one thread, but for the time. */
import { Worker } from "node:worker_threads";
import type { Progress, RunOptions, RunResult } from "./run.ts";
import { nothing, simulate, stopwatch, together } from "./run.ts";

export interface JobsOptions extends Omit<RunOptions, "onProgress" | "compares"> {
  readonly jobs: number;
  readonly onProgress: (progress: Progress) => void;
}

export const simulateOn = async ({ jobs, onProgress, ...options }: JobsOptions): Promise<RunResult> => {
  if (jobs === 1) return simulate({ ...options, compares: true, onProgress });
  const share = Math.ceil(options.seeds / jobs);
  const took = stopwatch();
  const seen: Progress[] = [];
  const runs = Array.from({ length: jobs }, (_, job) => {
    const from = options.from + job * share;
    const seeds = Math.max(0, Math.min(share, options.from + options.seeds - from));
    return inThread({ ...options, from, seeds }, (progress) => {
      seen[job] = progress;
      onProgress(total(seen));
    });
  });
  const sum = (await Promise.all(runs)).reduce(together, nothing);
  // what a thread measures is the processor time of all of them
  return { ...sum, ...took() };
};

const total = (seen: readonly (Progress | undefined)[]): Progress => ({
  seeds: seen.reduce((sum, progress) => sum + (progress?.seeds ?? 0), 0),
  lifecycles: seen.reduce((sum, progress) => sum + (progress?.lifecycles ?? 0), 0),
  broken: seen.reduce((sum, progress) => sum + (progress?.broken ?? 0), 0),
});

const inThread = (workerData: RunOptions, onProgress: (progress: Progress) => void): Promise<RunResult> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData });
    worker.on("error", reject);
    worker.on("message", ({ progress, result }: { progress?: Progress; result?: RunResult }) => {
      if (progress) onProgress(progress);
      if (result) resolve(result);
    });
  });
