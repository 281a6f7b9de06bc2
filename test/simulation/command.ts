/** The command line of the simulation. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Violation } from "./invariants.ts";
import { invariants } from "./invariants.ts";
import { simulateOn } from "./jobs.ts";
import type { Life } from "./life.ts";
import { live } from "./life.ts";
import type { Progress, RunResult, Speed } from "./run.ts";
import type { Counts } from "./tally.ts";
import { Tally } from "./tally.ts";
import { Uncaught } from "./uncaught.ts";

const help = `npm run simulate -- [options]

Lives the production service in virtual time, once for each seed, and holds it to its invariants after every step.

  --seeds N   how many seeds (2000)
  --from N    the first seed (0)
  --jobs N    threads (one for each processor); the hash does not depend on it. With 1 the bare chart is measured too
  --seed N    lives one seed and prints every step
  --json      prints the result as JSON
  --help      this

Exit codes: 0 nothing violated, 1 violations, 2 wrong usage.
`;

const options = {
  seeds: { type: "string", default: "2000" },
  from: { type: "string", default: "0" },
  jobs: { type: "string", default: String(availableParallelism()) },
  seed: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Resolves with the exit code. */
export const main = async (args: string[]): Promise<number> => {
  const asked = read(args);
  if (typeof asked === "string") return usage(asked);
  if (asked.help) return print(help);
  if (asked.seed !== undefined) return replay(asked.seed, asked.json);
  return run(asked);
};

interface Asked {
  readonly seeds: number;
  readonly from: number;
  readonly jobs: number;
  readonly seed: number | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

const read = (args: string[]): Asked | string => {
  try {
    const { seeds, from, jobs, seed, json, help: wantsHelp } = parseArgs({ args, options }).values;
    const numbers = {
      seeds: Number(seeds),
      from: Number(from),
      jobs: Number(jobs),
      seed: seed === undefined ? undefined : Number(seed),
    };
    for (const [name, value] of Object.entries(numbers)) {
      const least = name === "jobs" || name === "seeds" ? 1 : 0;
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
        return `--${name} must be a whole number from ${least}`;
    }
    const beside = args.filter((arg) => /^--(seeds|from|jobs)\b/.test(arg));
    if (seed !== undefined && beside.length > 0) return `--seed lives one seed, so it goes without ${beside.join(", ")}`;
    return { ...numbers, json, help: wantsHelp };
  } catch (error) {
    return (error as Error).message;
  }
};

const usage = (problem: string): number => {
  process.stderr.write(`${problem}. See --help.\n`);
  return 2;
};

const print = (text: string): number => {
  process.stdout.write(text);
  return 0;
};

const run = async ({ seeds, from, jobs, json }: Asked): Promise<number> => {
  const { onProgress, clear } = json ? noProgress : process.stderr.isTTY ? progressInPlace(seeds) : progressInLines(seeds);
  const result = await simulateOn({ from, seeds, jobs, onProgress });
  clear();
  if (json) print(`${JSON.stringify({ node: process.version, from, ...result }, undefined, 2)}\n`);
  else print(summary(result, from));
  const [first] = result.broken;
  if (first && !json) print(await trace(first.seed));
  return result.broken.length === 0 ? 0 : 1;
};

interface ProgressShown {
  readonly onProgress: (progress: Progress) => void;
  /** takes away what the result would stand beside */
  readonly clear: () => void;
}

const noProgress: ProgressShown = { onProgress: () => {}, clear: () => {} };

const progressInPlace = (seeds: number): ProgressShown => {
  const began = performance.now();
  return {
    onProgress: (progress) => process.stderr.write(`\r${progressLine(progress, seeds, performance.now() - began)}\x1b[K`),
    clear: () => process.stderr.write("\r\x1b[K"),
  };
};

const lineEveryMs = 10_000;

/** Where nothing can be written over, as in a log. */
const progressInLines = (seeds: number): ProgressShown => {
  const began = performance.now();
  let nextMs = lineEveryMs;
  const onProgress = (progress: Progress) => {
    const ms = performance.now() - began;
    if (ms < nextMs) return;
    nextMs = ms + lineEveryMs;
    process.stderr.write(`${progressLine(progress, seeds, ms)}\n`);
  };
  return { onProgress, clear: () => {} };
};

const progressLine = ({ seeds, lifecycles, broken }: Progress, of: number, ms: number): string =>
  `${seeds} of ${of} seeds, ${lifecycles} lifecycles, ${Math.round((lifecycles * 1000) / ms)}/s, ${broken} seeds with violations`;

const perCpuSecond = ({ lifecycles, cpuSeconds }: Speed): number => lifecycles / cpuSeconds;

/** Nothing where the bare chart was not measured: the processor time of a process is that of all its threads. */
const bareSummary = (result: RunResult): string[] => {
  const { bare } = result;
  if (bare.lifecycles === 0) return [];
  const ratio = (perCpuSecond(result) / perCpuSecond(bare)).toFixed(2);
  const speeds = `${(bare.lifecycles / bare.seconds).toFixed(0)} lifecycles/s, ${perCpuSecond(bare).toFixed(0)} for each second of CPU`;
  return [`the bare chart     ${speeds}: ratio ${ratio}`];
};

const summary = (result: RunResult, from: number): string => {
  return [
    `seeds ${from} to ${from + result.seeds - 1}: ${result.lifecycles} lifecycles, ${result.steps} steps, ${hours(result.virtualMs)} virtual hours in ${result.seconds.toFixed(1)} s on Node ${process.version}`,
    `the whole service  ${(result.lifecycles / result.seconds).toFixed(0)} lifecycles/s, ${perCpuSecond(result).toFixed(0)} for each second of CPU`,
    ...bareSummary(result),
    `hash               ${result.hash}`,
    table("states", result.counts.states),
    table("lease", result.counts.leases),
    table("faults", result.counts.faults),
    table("outcomes", result.counts.outcomes),
    `${invariants.length} invariants, ${result.broken.length} seeds with violations`,
    ...result.broken.map(({ seed, violations }) => `  seed ${seed}: ${violations.map(violationText).join("; ")}`),
    "",
  ].join("\n");
};

const hours = (ms: number): string => (ms / 3_600_000).toFixed(1);

const table = (title: string, counts: Counts): string =>
  [
    `${title}:`,
    ...Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${String(times).padStart(9)}  ${what}`),
  ].join("\n");

const violationText = ({ invariant, who, detail, atMs }: Violation): string =>
  `${who} at ${atMs.toFixed(3)} ms broke "${invariant}": ${detail}`;

/** How the lines of a story are read. */
const legend = [
  "virtual time, who, what: 0/1 is the second boot of the first instance id, - the world around; a state stands there once",
  "for each event that the service took in it",
  "",
];

/** The end of the story of a seed that broke something. */
const trace = async (seed: number): Promise<string> => {
  const { lines } = await liveReadably(seed);
  const shown = lines.slice(-60);
  return [
    `the last ${shown.length} of ${lines.length} lines of seed ${seed}; all of them: npm run simulate -- --seed ${seed}`,
    ...legend,
    ...shown,
    "",
  ].join("\n");
};

const replay = async (seed: number, json: boolean): Promise<number> => {
  const life = await liveReadably(seed);
  const { lines, violations, hash, lifecycles, steps } = life;
  if (json) print(`${JSON.stringify(life, undefined, 2)}\n`);
  else {
    const verdict = violations.length === 0 ? "nothing violated" : violations.map(violationText).join("\n");
    print(
      [...legend, ...lines, "", `seed ${seed}: ${lifecycles} lifecycles, ${steps} steps, hash ${hash}`, verdict, ""].join("\n"),
    );
  }
  return violations.length === 0 ? 0 : 1;
};

const liveReadably = async (seed: number): Promise<Life> => {
  const uncaught = new Uncaught();
  const life = await live({ seed, tally: new Tally(), uncaught, isReadable: true });
  uncaught.close();
  return life;
};
