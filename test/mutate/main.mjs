#!/usr/bin/env node
/** Changes the code in small ways, one at a time, and runs the tests that have to notice. Not part of `npm test`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Stryker } from "@stryker-mutator/core";
import { readArguments } from "../kit/arguments.mjs";
import { goals, reportOf, scoreOf, tableOf, tallyOf } from "./report.mjs";
import { slices } from "./slices.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const vitestRunner = fileURLToPath(import.meta.resolve("@stryker-mutator/vitest-runner"));
const folder = "reports/mutation";
const groups = [...new Set(slices.map(({ group }) => group))];

const options = {
  concurrency: { type: "string", default: "2" },
  report: { type: "boolean" },
};

const help = `npm run mutate [-- NAME ...] [options]

${groups
  .map((group) => {
    const own = slices.filter((slice) => slice.group === group);
    return `  ${group}, at least ${goals[group]} %\n${own.map(({ name, title }) => `    ${name.padEnd(12)}${title}`).join("\n")}`;
  })
  .join("\n")}

NAME is a group or one of its parts; without a NAME all parts run, three quarters of an hour on two cores.

  --concurrency N   mutants that are tried at a time; default 2
  --report          writes the report of the last results and runs nothing

reports/mutation.md has the scores and each survivor with its judgement (the comment above its line). Exits 1 where a goal is
missed, and where a judgement is about a mutant that no longer exists.`;

const { values, positionals, usage } = readArguments("mutate", help, { options, allowPositionals: true });
const unknown = positionals.filter((name) => !slices.some((slice) => slice.name === name || slice.group === name));
if (unknown.length > 0) usage(`there is no part ${unknown.join(", ")}`);
const concurrency = Number(values.concurrency);
if (!(Number.isInteger(concurrency) && concurrency > 0)) usage("--concurrency needs a whole number");
const chosen = slices.filter(
  ({ name, group }) => positionals.length === 0 || positionals.includes(name) || positionals.includes(group),
);

process.chdir(root);
mkdirSync(folder, { recursive: true });
const fileOf = ({ name }) => `${folder}/${name}.json`;

/** Most mutants of a chart act at import, for a chart is a constant: each runs in a fresh worker with all tests of its slice. */
const run = async (slice) => {
  console.log(`\n${slice.name}: ${slice.title} (${slice.mutate.join(", ")}; noticed by ${slice.tests.join(", ")})`);
  process.env.SG_MUTATE_TESTS = slice.tests.join(",");
  const began = performance.now();
  await new Stryker({
    mutate: slice.mutate,
    testRunner: "vitest",
    plugins: [vitestRunner, fileURLToPath(new URL("wording.mjs", import.meta.url))],
    ignorers: ["wording"],
    vitest: { configFile: "test/mutate/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    concurrency,
    timeoutMS: 4000,
    reporters: [process.stdout.isTTY ? "progress" : "progress-append-only", "json"],
    jsonReporter: { fileName: fileOf(slice) },
    ignorePatterns: ["dist", "visualizations", "test/bench"],
    logLevel: "warn",
    warnings: { slow: false },
    /** Stryker rewrites it through an API that TypeScript 7 does not have; Vitest needs none */
    tsconfigFile: "none",
    disableTypeChecks: false,
  }).runMutationTest();
  console.log(`${slice.name} took ${Math.round((performance.now() - began) / 1000)} s`);
};

if (!values.report) for (const slice of chosen) await run(slice);

const tallies = slices
  .filter((slice) => existsSync(fileOf(slice)))
  .map((slice) => tallyOf(slice, JSON.parse(readFileSync(fileOf(slice), "utf8"))));
if (tallies.length === 0) usage("there are no results yet");
writeFileSync("reports/mutation.md", reportOf(tallies));
console.log(`\n${tableOf(tallies)}\n\nreports/mutation.md has the survivors.`);
const names = new Set(chosen.map(({ group }) => group));
const missed = groups.filter((group) => names.has(group) && scoreOf(tallies, group) < goals[group]);
if (missed.length > 0) console.log(`below its goal: ${missed.join(", ")}`);
const stale = tallies.flatMap((tally) => tally.stale);
if (stale.length > 0) console.log(`judged, but no longer a mutant: ${stale.join(", ")}`);
process.exit(missed.length + stale.length > 0 ? 1 : 0);
