#!/usr/bin/env node
// Everything that has to be green before a change is done, in order of how fast it fails.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

// by its file: another version has the same name among the commands
const tsc = "node_modules/typescript/bin/tsc";
const steps = [
  ["format and lint", "npx", ["biome", "check", "."]],
  ["types of the sources", process.execPath, [tsc, "--noEmit", "-p", "tsconfig.json"]],
  ["types of the tests and the pages", process.execPath, [tsc, "--noEmit", "-p", "test/tsconfig.json"]],
  ["unused code", "npx", ["knip"]],
  ["tests", "npm", ["test"]],
  ["package", "npx", ["publint", "--strict"]],
  ["package types", "npx", ["attw", "--pack", ".", "--profile", "esm-only"]],
];

const read = () => {
  try {
    return parseArgs({ options: { help: { type: "boolean", short: "h" }, fast: { type: "boolean" } } }).values;
  } catch (error) {
    console.error(`check: ${error.message}. See: npm run check -- --help`);
    return process.exit(2);
  }
};

const values = read();
if (values.help) {
  console.log(
    `npm run check [-- --fast]\n\n${steps.map(([name]) => `  ${name}`).join("\n")}\n\n--fast leaves out the tests and the package.`,
  );
  process.exit(0);
}

const failed = [];
for (const [name, command, args] of values.fast ? steps.slice(0, 4) : steps) {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", env: { ...process.env, FORCE_COLOR: "0" } });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (status !== 0) {
    failed.push(name);
    console.log(`${stdout}${stderr}`.trimEnd());
  }
}
if (failed.length > 0) console.log(`\nnot green: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);
