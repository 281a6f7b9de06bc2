#!/usr/bin/env node
/** `npm run fuzz`: inputs by seed to real servers in child processes; counts what crashes, hangs and grows. */
import { readArguments } from "../kit/arguments.mjs";
import { progress, seedOfClock } from "../kit/command.mjs";
import { randomOf } from "./inputs.mjs";
import { deadlineMs, targets } from "./targets.mjs";

const names = Object.keys(targets);
const help = `npm run fuzz [-- options]

Sends inputs by seed to each target, real servers in child processes, and counts crashes, hangs (no answer
within ${deadlineMs / 1000} s) and memory that grew by more than 256 MiB. Input number n of a seed is always the same.

  --seconds N   for each target; default 60
  --count N     inputs for each target instead of seconds
  --seed N      default: one of the clock's, which is printed
  --only A,B    these targets: ${names.join(", ")}
  --json        prints the result as JSON
  --help        this

Exit codes: 0 nothing found, 1 something found, 2 wrong usage.`;

const string = { type: "string" };
const { values, usage, whole } = readArguments("fuzz", help, {
  options: { seconds: string, count: string, seed: string, only: string, json: { type: "boolean" } },
});
const [seconds, count] = [whole("seconds") ?? 60, whole("count")];
const seed = whole("seed") ?? seedOfClock();
const chosen = values.only?.split(",") ?? names;
const unknown = chosen.find((name) => !names.includes(name));
if (unknown !== undefined) usage(`unknown target ${JSON.stringify(unknown)}: use ${names.join(", ")}`);

const growthLimit = 256 * 1024 * 1024;
/** Tries inputs until the time or the count is over, or five were found. */
const fuzz = async (name, place) => {
  const target = await targets[name](place);
  const found = [];
  const before = await target.memory();
  const end = performance.now() + seconds * 1000;
  let n = 0;
  for (; found.length < 5 && (count === undefined ? performance.now() < end : n < count); n += 1) {
    const verdict = await target.tryOne(randomOf(seed, n), n);
    if (verdict.crash !== undefined || verdict.hang) found.push({ n, ...verdict });
    progress(`${name}: ${n} inputs, ${found.length} found`);
  }
  const grown = (await target.memory()) - before;
  target.stop();
  progress("");
  return {
    target: name,
    inputs: n,
    found,
    grownMiB: Math.round(grown / 1_048_576),
    ok: found.length === 0 && grown < growthLimit,
  };
};

const { startEmbeddedRedis } = await import(new URL("../../dist/src/redis/embedded/server.js", import.meta.url));
const redis = await startEmbeddedRedis({ port: 0 });
const results = [];
for (const name of chosen) {
  const result = await fuzz(name, { url: redis.url });
  results.push(result);
  if (values.json) continue;
  const { inputs, found, grownMiB, ok } = result;
  const crashes = found.filter(({ crash }) => crash !== undefined).length;
  console.log(
    `${ok ? "ok    " : "FOUND "} ${name}: ${inputs} inputs, ${crashes} crashes, ${found.length - crashes} hangs, ${grownMiB} MiB more`,
  );
  for (const { n, crash = "no answer" } of found) console.log(`       --seed ${seed} input ${n}: ${crash.slice(0, 500)}`);
}
await redis.stop();
if (values.json) console.log(JSON.stringify({ seed, seconds: count === undefined ? seconds : null, results }, null, 2));
else console.log(`seed ${seed}`);
process.exit(results.every(({ ok }) => ok) ? 0 : 1);
