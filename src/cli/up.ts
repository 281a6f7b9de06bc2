/** `up`: the whole fleet on this machine, one process a tier, each under its supervisor. */
import { didYouMean } from "../closest.ts";
import { fleetProblems } from "../fleet/check.ts";
import { countProblem, oneOfEach } from "../fleet/counts.ts";
import type { Fleet, FleetOptions } from "../fleet/index.ts";
import { startFleet } from "../fleet/index.ts";
import type { OwnService } from "../fleet/own-services.ts";
import { nameOfModule, ownProblems, readFleetFile } from "../fleet/own-services.ts";
import { createToken } from "../http/token.ts";
import { redisUrlProblem } from "../redis/url.ts";
import { tiers } from "../tiers/index.ts";
import { createBoard } from "./board.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, redisOption, refuse } from "./command.ts";
import { endEarlySignals } from "./early.ts";
import type { Writer } from "./lines.ts";
import { createJsonLines, createLines } from "./lines.ts";
import { onOutputLost } from "./output.ts";
import { print, printJson } from "./print.ts";
import type { Interruption } from "./signals.ts";
import { interrupted, onAbort } from "./signals.ts";

const chooseWriter = (asJson: boolean): Writer => {
  if (asJson) return createJsonLines(printJson);
  return process.stdout.isTTY ? createBoard(process.stdout) : createLines(print);
};

/** `NAME=COUNT`; NaN for what is no count. */
const readCount = (text: string): [name: string, count: number] => {
  const [, name = text, digits = ""] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  return [name, /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN];
};

/** Reads each `--tier NAME=COUNT`, adding to `problems` what is wrong with it. */
const readCounts = ({ texts, problems }: Arguments, counts: Map<string, number>): Map<string, number> => {
  for (const text of texts("tier")) {
    const [name, count] = readCount(text);
    const problem = countProblem(name, count);
    if (problem === undefined) counts.set(name, count);
    else problems.push(`--tier ${text}: ${problem}`);
  }
  return counts;
};

/** The modules that are named, else those of `stargazer.json`, with `--replicas NAME=COUNT` over them. */
const readOwn = ({ positionals, texts, problems }: Arguments): readonly OwnService[] => {
  const named = positionals.map((module) => ({ name: nameOfModule(module), module, replicas: 1 }));
  const file = named.length === 0 ? readFleetFile() : undefined;
  problems.push(...(file?.problems ?? []));
  const replicas = new Map(texts("replicas").map(readCount));
  const services = (file?.services ?? named).map((one) => ({ ...one, replicas: replicas.get(one.name) ?? one.replicas }));
  const known = services.map(({ name }) => name);
  for (const name of replicas.keys())
    if (!services.some((one) => one.name === name))
      problems.push(`--replicas ${name}: no module has that name${didYouMean(name, known)}`);
  problems.push(...ownProblems(services));
  return services;
};

/** Refuses wrong usage, and with it what else is wrong; where only the environment is, the fleet itself refuses it. */
const readOptions = async (args: Arguments): Promise<FleetOptions> => {
  const services = readOwn(args);
  const counts = readCounts(args, services.length > 0 ? new Map() : oneOfEach());
  if (services.length === 0 && [...counts.values()].every((count) => count === 0))
    args.problems.push("--tier: no tier is left to start");
  const redis = args.text("redis");
  const problem = redis === undefined ? undefined : redisUrlProblem(redis);
  if (problem !== undefined) args.problems.push(`--redis ${problem}`);
  if (args.problems.length > 0) args.problems.push(...(await fleetProblems({ counts, redis: undefined }, createToken())));
  refuse(args, up);
  return { tiers: Object.fromEntries(counts), services, redis };
};

/** The first signal stops the fleet, a second one kills what is left of it. */
const stopBySignals = (fleet: Fleet, { signal, forced }: Interruption): void => {
  onAbort(signal, () => void fleet.stop(String(signal.reason)).catch(() => {}));
  onAbort(forced, () => void fleet.force(forced.reason as NodeJS.Signals).catch(() => {}));
};

export const up: Command = {
  name: "up",
  summary: "boots the whole fleet on this machine, until Ctrl-C",
  synopsis: "[./module.js]... [--replicas NAME=COUNT]... [--tier NAME=COUNT]... [--redis URL] [--json]",
  details: [
    ["./module.js", "services of your own in place of the tiers, as run takes them; each is called as its file. Without one"],
    [
      "",
      `stargazer.json says which, if this folder has one: { "services": { "orders": { "module": "./orders.js", "replicas": 2 } } }`,
    ],
    ["--replicas NAME=COUNT", "how many processes of one of them; 1 by default"],
    [
      "--tier NAME=COUNT",
      `how many processes of a tier; ${tiers.map(({ name }) => name).join(", ")}; 1 of each by default, none beside modules, 0 leaves it out`,
    ],
    ["--redis URL", "the Redis to use; else REDIS_URL, else one of its own, which is gone with the fleet"],
    jsonDetail,
    "Gateway and page begin at SG_GATEWAY_PORT (8080) and SG_WEB_PORT (8090) and step over ports that are taken. Health ports are any",
    "free ones; with SG_HEALTH_PORT they begin there. An instance is called as on the board; on a Redis that was named, six more",
    "characters keep it apart from those of other fleets.",
  ],
  options: {
    tier: { type: "string", multiple: true },
    replicas: { type: "string", multiple: true },
    ...redisOption,
    ...jsonOption,
  },
  async run(args) {
    const fleet = startFleet(await readOptions(args));
    const interruption = interrupted();
    endEarlySignals();
    stopBySignals(fleet, interruption);
    // a pipe without a reader stops the fleet, as it ends any command; what the fleet writes meanwhile is dropped
    onOutputLost(() => interruption.stop("the output has no reader"));
    const writer = chooseWriter(args.has("json"));
    fleet.on(writer.write);
    try {
      return (await fleet.ended).exitCode;
    } finally {
      writer.close();
      interruption.release();
    }
  },
};
