#!/usr/bin/env node
/**
 * `npm run faults`: every fault of claims.mjs, most on real processes and a real Redis, and a table of what happened.
 *
 * | file               | faults                                                       |
 * | ------------------ | ------------------------------------------------------------ |
 * | probes.test.ts     | F1 to F5: probes and draining                                |
 * | hooks.test.ts      | F6 to F9: hooks and budgets                                  |
 * | stops.test.ts      | F10 to F14: stop against start, signals, exit codes          |
 * | crashes.test.ts    | F15 to F17: uncaught errors, neighbours, throwing listeners  |
 * | redis.test.ts      | F18, F19: Redis in trouble at boot and at shutdown           |
 * | registry.test.ts   | F20 to F23, F25: the lease, stale entries, two of one id     |
 * | herd.test.ts       | F24: two hundred replicas                                    |
 * | failover.test.ts   | F26: Sentinel and Cluster                                    |
 * | health.test.ts     | F27 to F29: what health answers is so                        |
 * | clock.test.ts      | F39: the wall clock is set at each step of a life            |
 *
 * The other cases stand beside what they test, in all of test/: a `describe` or a test whose name begins with `F43: `.
 *
 * A case of these files is `fault("F18", "refused", async (happened) => { ...; happened("gave up after 0.6 s") })` of test/kit/fault.ts: a
 * test whose name begins with the number and the claim, and which reports sentences. A case of more than some 5 s has
 * `{ slow: true }`, and only this command runs it.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readArguments } from "../kit/arguments.mjs";
import { claims } from "./claims.mjs";
import { judge, tableOf } from "./table.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const help = `npm run faults [-- options]

Runs every fault, most on real processes and a real Redis, and prints what happened.

  --only F18,F19  these alone
  --pairs 200     how many pairs of signals F37 sends to starved services; default 60
  --json          prints the result as JSON
  --help          this

${Object.entries(claims)
  .map(([id, claim]) => `  ${id.padEnd(4)}  ${claim}`)
  .join("\n")}

Exit codes: 0 all held, 1 some did not, 2 wrong usage.`;

const string = { type: "string" };
const { values, usage } = readArguments("faults", help, { options: { only: string, pairs: string, json: { type: "boolean" } } });
if (values.pairs !== undefined && !/^[1-9]\d{0,3}$/.test(values.pairs))
  usage(`--pairs needs a whole number from 1 to 9999, not ${JSON.stringify(values.pairs)}`);

const chosenOf = (only) => {
  const ids = only === undefined ? Object.keys(claims) : only.toUpperCase().split(/[\s,]+/);
  const unknown = ids.filter((id) => !(id in claims));
  return unknown.length > 0 ? usage(`there is no fault ${unknown.join(", ")}`) : ids;
};

/** The test files that name one of these faults. */
const filesOf = (ids) => {
  const names = new RegExp(`["\`](${ids.join("|")})[:"]`);
  return readdirSync(join(root, "test"), { recursive: true })
    .map((file) => join("test", file))
    .filter((file) => file.endsWith(".test.ts") && names.test(readFileSync(join(root, file), "utf8")));
};

/** Runs the cases of these faults; resolves with vitest's result, undefined where there is none. */
const run = (ids, file) =>
  new Promise((resolve) => {
    const reporters = ["--reporter=json", `--outputFile.json=${file}`, "--reporter=./test/faults/progress.mjs"];
    const pattern = `(^| )(${ids.join("|")})(:| )`;
    const args = ["vitest", "run", ...filesOf(ids), "-t", pattern, "--no-file-parallelism", ...reporters];
    const child = spawn("npx", args, {
      cwd: root,
      env: {
        ...process.env,
        STARGAZER_TEST_SLOW: "1",
        ...(values.pairs === undefined ? {} : { STARGAZER_TEST_PAIRS: values.pairs }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => {
      output += chunk;
      process.stderr.write(chunk);
    });
    child.once("close", () => resolve(resultIn(file, output)));
  });

const resultIn = (file, output) => {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    console.error(output.trim().split("\n").slice(-20).join("\n"));
    return undefined;
  }
};

const ids = chosenOf(values.only);
const folder = mkdtempSync(join(tmpdir(), "stargazer-faults-"));
const began = performance.now();
const result = await run(ids, join(folder, "result.json"));
rmSync(folder, { recursive: true, force: true });
if (result === undefined) process.exit(1);

const faults = ids.map((id) => judge(id, claims[id], result));
const held = faults.filter(({ verdict }) => verdict === "held").length;
const seconds = Math.round((performance.now() - began) / 1000);
console.log(
  values.json ? JSON.stringify({ held, of: faults.length, seconds, faults }, null, 2) : tableOf(faults, { held, seconds }),
);
process.exitCode = held === faults.length ? 0 : 1;
