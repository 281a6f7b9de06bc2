#!/usr/bin/env node
/** Changes the code in small ways, one at a time, and runs the tests that have to notice. Not part of `npm test`. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readArguments } from "../kit/arguments.mjs";
import { goals, jsonOf, reportOf, tableOf, tallyOf, totalOf } from "./report.mjs";
import { againIn, hasChanged, keep, resultsOf } from "./results.mjs";
import { slices } from "./slices.mjs";

process.chdir(fileURLToPath(new URL("../..", import.meta.url)));
const groups = [...new Set(slices.map(({ group }) => group))];

const options = {
  again: { type: "boolean" },
  concurrency: { type: "string", default: "2" },
  json: { type: "boolean" },
  report: { type: "boolean" },
  since: { type: "string" },
  "timeout-ms": { type: "string", default: "4000" },
};

const help = `npm run mutate [-- NAME ...] [options]

${groups
  .map((group) => {
    const own = slices.filter((slice) => slice.group === group);
    return `  ${group}, at least ${goals[group]} %\n${own.map(({ name, title }) => `    ${name.padEnd(12)}${title}`).join("\n")}`;
  })
  .join("\n")}

NAME is a group, one of its parts, or a file of a part; without a NAME all parts run, hours on two cores.

  --since COMMIT    only files whose code differs from that commit
  --again           only the mutants that survived the last run, and files whose code has changed since
  --report          runs nothing: the table of the last results
  --json            the result as JSON on stdout
  --concurrency N   mutants that are tried at a time; default 2
  --timeout-ms N    what a mutant may take beyond the unchanged code before it counts as noticed; default 4000, more on a busy machine

Survivors are printed as they are found. The table has a line for each file that was ever counted; reports/mutation.md has it too,
and each survivor with its judgement (the comment above its line). Exits 1 where a goal is missed, and where a judgement is about a
mutant that no longer exists.`;

const { values, positionals, usage, whole } = readArguments("mutate", help, { options, allowPositionals: true });
const namesOf = ({ group, name, mutate }) => [group, name, ...mutate];
const unknown = positionals.filter((name) => !slices.some((slice) => namesOf(slice).includes(name)));
if (unknown.length > 0) usage(`there is no part ${unknown.join(", ")}`);
const limits = { concurrency: whole("concurrency"), timeoutMS: whole("timeout-ms") };

const changedSince = (commit) => {
  try {
    return execFileSync("git", ["diff", "--name-only", "--relative", commit, "--"], { encoding: "utf8" }).split("\n");
  } catch {
    return usage(`there is no commit ${commit}`);
  }
};
const changed = values.since === undefined ? undefined : changedSince(values.since);

/** The files of a part that were asked for. */
const chosenOf = ({ group, name, mutate }) =>
  mutate.filter(
    (file) =>
      (positionals.length === 0 || [group, name, file].some((one) => positionals.includes(one))) &&
      (changed === undefined || changed.includes(file)),
  );

const broken = [];

/** Tests of a part that fail on the code as it is end that part alone. */
const run = async (slice) => {
  const files = chosenOf(slice);
  const results = resultsOf(slice);
  const mutate = values.again ? files.flatMap((file) => againIn(file, results[file])) : files;
  if (mutate.length === 0) return;
  console.error(`\n${slice.name}: ${slice.title} (${files.join(", ")}; noticed by ${slice.tests.join(", ")})`);
  const began = performance.now();
  const { tried } = await import("./stryker.mjs");
  try {
    keep(slice, await tried({ ...slice, mutate }, limits));
  } catch (error) {
    broken.push(slice.name);
    console.error(error.message);
  }
  console.error(`${slice.name} took ${Math.round((performance.now() - began) / 1000)} s`);
};

if (!values.report) for (const slice of slices) await run(slice);

const tallies = slices.flatMap((slice) =>
  Object.entries(resultsOf(slice)).map(([file, content]) => tallyOf(slice, file, content, hasChanged(file, content))),
);
if (tallies.length === 0) usage("there are no results yet");
const filesOf = (group) => slices.filter((slice) => slice.group === group).flatMap(({ mutate }) => mutate);
const totals = groups.map((group) => totalOf(tallies, group, filesOf(group).length));
writeFileSync("reports/mutation.md", reportOf(tallies, totals));
console.log(values.json ? jsonOf(tallies, totals) : `${tableOf(tallies, totals)}\n\nreports/mutation.md has the survivors.`);

const ran = new Set(slices.filter((slice) => chosenOf(slice).length > 0).map(({ group }) => group));
const missed = totals.filter(({ group, score }) => ran.has(group) && score < goals[group]).map(({ group }) => group);
if (missed.length > 0) console.error(`below its goal: ${missed.join(", ")}`);
const stale = tallies.flatMap((tally) => tally.stale);
if (stale.length > 0) console.error(`judged, but no longer a mutant: ${stale.join(", ")}`);
if (broken.length > 0) console.error(`not counted, for a test fails on the code as it is: ${broken.join(", ")}`);
process.exit(missed.length + stale.length + broken.length > 0 ? 1 : 0);
