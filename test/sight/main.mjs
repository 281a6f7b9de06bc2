#!/usr/bin/env node
/** `npm run sight`: what the fleet's memory, its page and its metrics have to show, on real processes, a real Redis and a real Chromium. */
import { readArguments } from "../kit/arguments.mjs";
import { abandonBy, progress, seedOfClock } from "../kit/command.mjs";
import * as endurance from "./endurance/endurance.mjs";
import * as kills from "./kills/kills.mjs";
import * as light from "./light/light.mjs";
import { Processes } from "./processes.mjs";
import * as scrapes from "./scrapes/scrapes.mjs";
import { isMet, loadNow, tableOf } from "./table.mjs";

const proofs = { kills, light, scrapes, endurance };
const names = Object.keys(proofs);

const help = `npm run sight [-- NAME ...] [options]

${names.map((name) => `  ${name.padEnd(10)} ${proofs[name].title}`).join("\n")}

  --seed N    default: one of the clock's, which is printed
  --kills N   of the proof kills; default 200
  --minutes N of the proof endurance; default 10
  --quick     a short form of each
  --steady    of the proof kills: no thread kills, only the event loop does, between two turns
  --json      prints the result as JSON
  --help      this

Times are those of this machine while it does nothing else: the load is printed beside them.
Exit codes: 0 each target is met; 1 not so; 2 wrong usage.`;

const [string, flag] = [{ type: "string" }, { type: "boolean" }];
const { values, positionals, usage, whole } = readArguments("sight", help, {
  options: { seed: string, kills: string, minutes: string, quick: flag, steady: flag, json: flag },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) usage(`there is no proof ${JSON.stringify(unknown)}: use ${names.join(", ")}`);
const seed = whole("seed") ?? seedOfClock();
const options = {
  seed,
  kills: whole("kills"),
  minutes: whole("minutes"),
  isQuick: values.quick === true,
  isSteady: values.steady === true,
};

let processes;
abandonBy(() => processes?.abandon());

if (!values.json) console.log(`seed ${seed}`);
const results = [];
for (const name of positionals.length > 0 ? positionals : names) {
  processes = new Processes();
  const [startedAt, before] = [performance.now(), loadNow()];
  const { title, run } = proofs[name];
  const result = await run({ processes, progress: (line) => progress(`${name}: ${line}`) }, options);
  await processes.end();
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  progress("");
  const proof = { name, title, seconds, loads: [before, loadNow()], ...result };
  results.push(proof);
  if (!values.json) console.log(`\n${tableOf(proof)}`);
}
const ok = results.every(isMet);
if (values.json) console.log(JSON.stringify({ seed, ok, results }));
else console.log(`\n${ok ? "each target is met" : "NOT EACH TARGET IS MET"}`);
process.exit(ok ? 0 : 1);
