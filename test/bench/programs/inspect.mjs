// node inspect.mjs COUNT: whole lives of a service, unwatched, with inspection off as `stargazer run` has it, with a page watching, and
// with Stately's inspector. The observer is a process of its own, so that only the service's side is counted. The ways take turns,
// life by life, so that what slows the machine slows all of them.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { readChoice } from "../../../dist/src/inspector/choice.js";
import { inspect } from "../../../dist/src/inspector/inspect.js";
import { StargazerService, seams } from "../../../dist/src/service/service.js";
import { noResources } from "../kit/resources.mjs";

const count = Number(process.argv[2]);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

class Service extends StargazerService {
  constructor() {
    super({ serviceName: "bench", logger: quiet, jitterMaxMs: 0, [seams]: { resources: noResources } });
  }
  onStart() {}
  run({ signal }) {
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
  onStop() {}
}

const watcher = fork(fileURLToPath(new URL("./inspect-watcher.mjs", import.meta.url)));
await once(watcher, "message");

/** The same decision as in `stargazer run`. */
const inspectedAs = (service, text) => {
  const choice = text === undefined ? undefined : readChoice(text, "--inspect");
  return choice === undefined ? undefined : inspect(service, choice, { print: () => {} });
};

const watched = (text) => async (service) => {
  const inspection = inspectedAs(service, text);
  watcher.send({ kind: text, link: await inspection.url });
  await once(watcher, "message");
  return inspection;
};

const modes = {
  none: () => undefined,
  off: (service) => inspectedAs(service, process.env.SG_INSPECT_UNSET),
  page: watched("page"),
  stately: watched("stately"),
};

const life = async (prepare) => {
  const service = new Service();
  const inspection = await prepare(service);
  const before = process.cpuUsage();
  const since = performance.now();
  const ended = service.runToCompletion();
  await service.waitFor("running");
  await service.shutdown();
  await ended;
  const wallUs = (performance.now() - since) * 1000;
  const { user, system } = process.cpuUsage(before);
  await inspection?.close();
  return { cpuUs: user + system, wallUs };
};

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const figures = Object.fromEntries(Object.keys(modes).map((name) => [name, { cpuUs: [], wallUs: [] }]));
const names = Object.keys(modes);
for (let index = -20; index < count; index += 1) {
  // in any order, so that no variant always follows the most expensive one
  const order = names.map((name) => ({ name, place: Math.random() })).sort((a, b) => a.place - b.place);
  for (const { name } of order) {
    const { cpuUs, wallUs } = await life(modes[name]);
    if (index >= 0) {
      figures[name].cpuUs.push(cpuUs);
      figures[name].wallUs.push(wallUs);
    }
  }
}
watcher.kill();
console.log(
  JSON.stringify(
    Object.fromEntries(names.map((name) => [name, { cpuUs: median(figures[name].cpuUs), wallUs: median(figures[name].wallUs) }])),
  ),
);
process.exit(0);
