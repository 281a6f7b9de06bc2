/** `up`: the whole fleet on this machine, one process a tier, each under its supervisor. */
import { fleetProblems } from "../fleet/check.ts";
import { countProblem, oneOfEach } from "../fleet/counts.ts";
import type { Fleet, FleetOptions } from "../fleet/index.ts";
import { startFleet } from "../fleet/index.ts";
import { createToken } from "../http/token.ts";
import { redisUrlProblem } from "../redis/url.ts";
import { tiers } from "../tiers/index.ts";
import { createBoard } from "./board.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, redisOption, refuse, refusePositionals } from "./command.ts";
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

/** Reads each `--tier NAME=COUNT`, adding to `problems` what is wrong with it. */
const readCounts = ({ texts, problems }: Arguments): Map<string, number> => {
  const counts = oneOfEach();
  for (const text of texts("tier")) {
    const [, name = text, digits = ""] = /^([^=]*)=(.*)$/.exec(text) ?? [];
    const count = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN;
    const problem = countProblem(name, count);
    if (problem === undefined) counts.set(name, count);
    else problems.push(`--tier ${text}: ${problem}`);
  }
  if ([...counts.values()].every((count) => count === 0)) problems.push("--tier: no tier is left to start");
  return counts;
};

/** Refuses wrong usage, and with it what else is wrong; where only the environment is, the fleet itself refuses it. */
const readOptions = async (args: Arguments): Promise<FleetOptions> => {
  const counts = readCounts(args);
  const redis = args.text("redis");
  refusePositionals(args);
  const problem = redis === undefined ? undefined : redisUrlProblem(redis);
  if (problem !== undefined) args.problems.push(`--redis ${problem}`);
  if (args.problems.length > 0) args.problems.push(...(await fleetProblems({ counts, redis: undefined }, createToken())));
  refuse(args, up);
  return { tiers: Object.fromEntries(counts), redis };
};

/** The first signal stops the fleet, a second one kills what is left of it. */
const stopBySignals = (fleet: Fleet, { signal, forced }: Interruption): void => {
  onAbort(signal, () => void fleet.stop(String(signal.reason)).catch(() => {}));
  onAbort(forced, () => void fleet.force(forced.reason as NodeJS.Signals).catch(() => {}));
};

export const up: Command = {
  name: "up",
  summary: "boots the whole fleet on this machine, until Ctrl-C",
  synopsis: "[--tier NAME=COUNT]... [--redis URL] [--json]",
  details: [
    [
      "--tier NAME=COUNT",
      `how many processes of a tier; ${tiers.map(({ name }) => name).join(", ")}; 1 of each by default, 0 leaves it out`,
    ],
    ["--redis URL", "the Redis to use; else REDIS_URL, else one of its own, which is gone with the fleet"],
    jsonDetail,
    "Gateway and page begin at SG_GATEWAY_PORT (8080) and SG_WEB_PORT (8090) and step over ports that are taken. Health ports are any",
    "free ones; with SG_HEALTH_PORT they begin there. An instance is called as on the board; on a Redis that was named, six more",
    "characters keep it apart from those of other fleets.",
  ],
  options: { tier: { type: "string", multiple: true }, ...redisOption, ...jsonOption },
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
