/** Many lives, one after the other, and what they add up to. */
import { liveBare } from "./bare.ts";
import type { Violation } from "./invariants.ts";
import { live } from "./life.ts";
import type { Counts } from "./tally.ts";
import { addCounts, Tally } from "./tally.ts";
import { Uncaught } from "./uncaught.ts";

export interface RunOptions {
  readonly from: number;
  readonly seeds: number;
  /** ends after this many seeds with violations; default 10 */
  readonly violationLimit?: number;
  readonly hasTombstones?: boolean;
  /** lives some of the seeds on the bare chart too, to compare; default false */
  readonly compares?: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly seeds: number;
  readonly lifecycles: number;
  readonly broken: number;
}

export interface Speed {
  readonly lifecycles: number;
  readonly seconds: number;
  /** of this process; other processes on the machine disturb it less than the time that passed */
  readonly cpuSeconds: number;
}

export interface RunResult extends Speed {
  readonly seeds: number;
  readonly steps: number;
  readonly virtualMs: number;
  /** of all lives; does not depend on the order they were lived in */
  readonly hash: string;
  readonly broken: readonly { readonly seed: number; readonly violations: readonly Violation[] }[];
  readonly counts: Readonly<Record<"states" | "leases" | "faults" | "outcomes", Counts>>;
  readonly bare: Speed;
}

const blockSeeds = 100;
/** of each block, this many seeds are lived on the bare chart as well */
const bareSeeds = 20;

export const simulate = async (options: RunOptions): Promise<RunResult> => {
  const { from, seeds, violationLimit = 10, compares = false, onProgress } = options;
  const uncaught = new Uncaught();
  let sum = nothing;
  try {
    for (let at = from; at < from + seeds && sum.broken.length < violationLimit; at += blockSeeds) {
      const block = Math.min(blockSeeds, from + seeds - at);
      sum = together(sum, await liveBlock({ ...options, from: at, seeds: block }, uncaught));
      if (compares) sum = { ...sum, bare: both(sum.bare, bareSpeed(at, Math.min(bareSeeds, block))) };
      onProgress?.({ seeds: sum.seeds, lifecycles: sum.lifecycles, broken: sum.broken.length });
    }
  } finally {
    uncaught.close();
  }
  return sum;
};

export const nothing: RunResult = {
  seeds: 0,
  lifecycles: 0,
  steps: 0,
  virtualMs: 0,
  seconds: 0,
  cpuSeconds: 0,
  hash: "0".repeat(16),
  broken: [],
  counts: { states: {}, leases: {}, faults: {}, outcomes: {} },
  bare: { lifecycles: 0, seconds: 0, cpuSeconds: 0 },
};

/** What two runs over different seeds add up to. */
export const together = (a: RunResult, b: RunResult): RunResult => ({
  seeds: a.seeds + b.seeds,
  lifecycles: a.lifecycles + b.lifecycles,
  steps: a.steps + b.steps,
  virtualMs: a.virtualMs + b.virtualMs,
  seconds: a.seconds + b.seconds,
  cpuSeconds: a.cpuSeconds + b.cpuSeconds,
  hash: added(a.hash, b.hash),
  broken: [...a.broken, ...b.broken],
  counts: {
    states: addCounts(a.counts.states, b.counts.states),
    leases: addCounts(a.counts.leases, b.counts.leases),
    faults: addCounts(a.counts.faults, b.counts.faults),
    outcomes: addCounts(a.counts.outcomes, b.counts.outcomes),
  },
  bare: both(a.bare, b.bare),
});

const liveBlock = async ({ from, seeds, hasTombstones = true }: RunOptions, uncaught: Uncaught): Promise<RunResult> => {
  const tally = new Tally();
  const took = stopwatch();
  let sum = nothing;
  let { hash, lifecycles, steps, virtualMs } = sum;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const life = await live({ seed, tally, uncaught, hasTombstones });
    hash = added(hash, life.hash);
    lifecycles += life.lifecycles;
    steps += life.steps;
    virtualMs += life.virtualMs;
    if (life.violations.length > 0) sum = { ...sum, broken: [...sum.broken, { seed, violations: life.violations }] };
  }
  return { ...sum, seeds, lifecycles, steps, virtualMs, hash, ...took(), counts: tally.counts };
};

const bareSpeed = (from: number, seeds: number): Speed => {
  const took = stopwatch();
  let lifecycles = 0;
  for (let seed = from; seed < from + seeds; seed += 1) lifecycles += liveBare(seed);
  return { lifecycles, ...took() };
};

const both = (a: Speed, b: Speed): Speed => ({
  lifecycles: a.lifecycles + b.lifecycles,
  seconds: a.seconds + b.seconds,
  cpuSeconds: a.cpuSeconds + b.cpuSeconds,
});

/** Measures the time from here on, and the processor time of this process. */
export const stopwatch = (): (() => Omit<Speed, "lifecycles">) => {
  const began = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
};

/** Sums of hashes: the order does not matter, each one does. */
const added = (a: string, b: string): string =>
  BigInt.asUintN(64, BigInt(`0x${a}`) + BigInt(`0x${b}`))
    .toString(16)
    .padStart(16, "0");
