#!/usr/bin/env node
/** Measures this library beside what people would use instead. Not part of `npm test`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { publish } from "./kit/publish.mjs";
import { tableOf, verdictsOf } from "./kit/report.mjs";
import { Samples } from "./kit/stats.mjs";
import { scenarios } from "./scenarios/index.mjs";
import { judge, targets } from "./targets.mjs";

const options = {
  quick: { type: "boolean" },
  all: { type: "boolean" },
  json: { type: "string" },
  publish: { type: "string" },
  rounds: { type: "string" },
  help: { type: "boolean", short: "h" },
};

const help = `npm run bench [-- NAME ...] [options]

${scenarios.map(({ name, title }) => `  ${name.padEnd(12)}${title}`).join("\n")}

  --quick       fewer rounds, the whole within 3 minutes
  --rounds N    so many rounds of each
  --all         with lightship, terminus and moleculer too; else beside (a) and (b) only
  --json FILE   where the figures are kept; default reports/bench.json
  --publish FILE  runs nothing, takes the figures of FILE into the README and visualizations/

Ratios are taken inside each round; what is shown is the median of the rounds, with the least and the most.
(a) is written by hand on node:http and ioredis, (b) on Fastify, under-pressure and close-with-grace.`;

const usage = (line) => {
  console.error(`bench: ${line}. See: npm run bench -- --help`);
  process.exit(2);
};

const read = () => {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return usage(error.message);
  }
};

const { values, positionals } = read();
if (values.help) {
  console.log(help);
  process.exit(0);
}
if (values.publish !== undefined) {
  try {
    publish(values.publish);
  } catch (error) {
    usage(error.message);
  }
  process.exit(0);
}
const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0) usage(`there is no scenario ${unknown.join(", ")}`);
const wishedRounds = Number(values.rounds ?? Number.NaN);
if (values.rounds !== undefined && !(Number.isInteger(wishedRounds) && wishedRounds > 0)) usage("--rounds needs a whole number");

const chosen = positionals.length > 0 ? scenarios.filter(({ name }) => positionals.includes(name)) : scenarios;
const others = values.all ? ["lightship", "terminus", "moleculer"] : [];
const results = [];
const began = performance.now();
for (const scenario of chosen) {
  const samples = new Samples();
  const notes = new Map();
  const rounds = values.rounds === undefined ? (values.quick ? scenario.quickRounds : scenario.rounds) : wishedRounds;
  const note = (text) => notes.set(text, (notes.get(text) ?? 0) + 1);
  const since = performance.now();
  await scenario.run({ rounds, quick: values.quick === true, samples, others, note });
  console.log(tableOf(scenario, samples));
  for (const [text, count] of notes) console.log(`  note: ${text}${count > 1 ? ` (${count} times)` : ""}`);
  console.error(`bench: ${scenario.name} took ${((performance.now() - since) / 1000).toFixed(0)} s`);
  results.push({ scenario: scenario.name, rounds, samples, notes: [...notes.keys()] });
}

const judged = targets.flatMap((target) => {
  const samples = results.find(({ scenario }) => scenario === target.scenario)?.samples;
  const reached = samples && judge(target, samples);
  return reached ? [{ target, reached }] : [];
});
const machine = `Node ${process.versions.node}, ${availableParallelism()} × ${cpus()[0]?.model ?? "unknown processor"}`;
console.log(`\n${machine}\n${verdictsOf(judged)}`);

const file = values.json ?? "reports/bench.json";
mkdirSync(dirname(file), { recursive: true });
const record = results.map(({ samples, ...rest }) => ({ ...rest, metrics: samples.metrics }));
const date = new Date().toISOString();
writeFileSync(
  file,
  `${JSON.stringify({ date, machine, quick: values.quick === true, targets: judged, results: record }, null, 1)}\n`,
);
console.error(`bench: ${((performance.now() - began) / 1000).toFixed(0)} s; the figures are in ${file}`);
process.exit(0);
