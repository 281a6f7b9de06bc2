/** `up`: the whole fleet on this machine, one process a tier, each under its supervisor. */
import { messageOf, StargazerError } from "../../errors.ts";
import { signalExitCode } from "../../process.ts";
import { startEmbeddedRedis } from "../../redis/embedded.ts";
import { redactUrl } from "../../redis/url.ts";
import { tiers } from "../../tiers/index.ts";
import type { Arguments, Command } from "../command.ts";
import { jsonDetail, jsonOption, redisOption, refuse, refusePositionals } from "../command.ts";
import type { RunFolder } from "../fleet-files.ts";
import { openRunFolder } from "../fleet-files.ts";
import type { Place } from "../locate.ts";
import { namedRedis } from "../locate.ts";
import { withRedis } from "../redis.ts";
import type { Interruption } from "../signals.ts";
import { aborted, interrupted } from "../signals.ts";
import { createBoard } from "./board.ts";
import type { ServiceEnding, Writer } from "./facts.ts";
import type { Fleet } from "./fleet.ts";
import { startFleet } from "./fleet.ts";
import { createJsonLines, createLines } from "./lines.ts";
import type { Counts, Plan } from "./plan.ts";
import { makePlan, readCounts } from "./plan.ts";

interface FleetRedis {
  readonly url: string;
  readonly isOwn: boolean;
  /** Ends it, if it is ours. */
  stop(): Promise<void>;
}

/** The Redis that was named, once it has answered, or one of our own. */
const provideRedis = async (named: Place | undefined): Promise<FleetRedis> => {
  if (named === undefined) {
    const { url, stop } = await startEmbeddedRedis();
    return { url, isOwn: true, stop };
  }
  await withRedis(named, async () => {});
  return { url: named.url, isOwn: false, stop: async () => {} };
};

/** Other shells find the fleet by it, and the logs are in it; a fleet runs without it, too. */
const provideFolder = (writer: Writer): RunFolder | undefined => {
  try {
    return openRunFolder();
  } catch (error) {
    writer.write({
      type: "notice",
      message: `other shells have to be told where this fleet is, and there are no logs: ${messageOf(error)}`,
    });
    return undefined;
  }
};

const chooseWriter = (asJson: boolean): Writer => {
  const print = (line: string) => console.log(line);
  if (asJson) return createJsonLines(print);
  return process.stdout.isTTY ? createBoard(process.stdout) : createLines(print);
};

interface Run {
  readonly plan: Plan;
  readonly redis: FleetRedis;
  readonly folder: RunFolder | undefined;
  readonly writer: Writer;
  readonly interruption: Interruption;
}

const addressesOf = ({ gateway, web }: Plan): { gateway?: string; web?: string } => ({
  ...(gateway === undefined ? {} : { gateway }),
  ...(web === undefined ? {} : { web }),
});

const announce = ({ plan, redis, folder, writer }: Run, fleet: Fleet): void => {
  const addresses = addressesOf(plan);
  folder?.publish({ pid: process.pid, redisUrl: redis.url, startedAt: Date.now(), ...addresses });
  writer.write({
    type: "fleet.starting",
    redis: redactUrl(redis.url),
    isOwnRedis: redis.isOwn,
    ...addresses,
    ...(folder === undefined ? {} : { logs: folder.path }),
    services: fleet.views,
  });
};

/** Resolves with why the fleet has to stop: a signal, or nothing is left of it. Says when all services are running. */
const whileItRuns = async ({ plan, writer, interruption }: Run, fleet: Fleet): Promise<string> => {
  const over = Promise.race([
    aborted(interruption.signal).then(() => String(interruption.signal.reason)),
    fleet.ended.then(() => "no service is left"),
  ]);
  const isReady = await Promise.race([
    fleet.ready.then(
      () => true,
      () => over.then(() => false),
    ),
    over.then(() => false),
  ]);
  if (isReady) writer.write({ type: "fleet.ready", ms: Math.round(performance.now()), ...addressesOf(plan) });
  return over;
};

const runFleet = async (run: Run): Promise<readonly ServiceEnding[]> => {
  const { plan, redis, folder, writer, interruption } = run;
  const fleet = startFleet({ services: plan.services, redisUrl: redis.url, logs: folder?.path, writer });
  try {
    announce(run, fleet);
    writer.write({ type: "fleet.stopping", reason: await whileItRuns(run, fleet) });
    return await fleet.stop(interruption.forced);
  } catch (error) {
    await fleet.kill();
    throw error;
  }
};

const exitCodeOf = (endings: readonly ServiceEnding[], { forced }: Interruption): number => {
  if (forced.aborted) return signalExitCode(forced.reason as NodeJS.Signals);
  return endings.every(({ ok }) => ok) ? 0 : 1;
};

/** From Redis to the table of endings; Redis is the first to come and the last to go. */
const host = async (plan: Plan, named: Place | undefined, writer: Writer, interruption: Interruption): Promise<number> => {
  for (const { whose, taken, port } of plan.stepped) writer.write({ type: "port.taken", whose, taken, port });
  const redis = await provideRedis(named);
  const folder = provideFolder(writer);
  let endings: readonly ServiceEnding[] | undefined;
  try {
    endings = await runFleet({ plan, redis, folder, writer, interruption });
  } finally {
    folder?.remove({ keepLogs: endings === undefined || endings.some(({ ok }) => !ok) });
    await redis.stop();
  }
  const exitCode = exitCodeOf(endings, interruption);
  const logs = folder !== undefined && endings.some(({ ok }) => !ok) ? { logs: folder.path } : {};
  writer.write({ type: "fleet.stopped", services: endings, exitCode, ...logs });
  return exitCode;
};

/** Everything that can be wrong with the arguments, at once. */
const readArguments = (args: Arguments): { counts: Counts; named: Place | undefined } => {
  const counts = readCounts(args.texts("tier"), args.problems);
  refusePositionals(args);
  let named: Place | undefined;
  try {
    named = namedRedis(args.text("redis"));
  } catch (error) {
    if (!(error instanceof StargazerError) || (error.code !== "SG_ERR_USAGE" && args.problems.length === 0)) throw error;
    args.problems.push(error.message);
  }
  refuse(args, up);
  return { counts, named };
};

export const up: Command = {
  name: "up",
  summary: "boots the whole fleet on this machine, until Ctrl-C",
  synopsis: "[--tier NAME=COUNT]... [--redis URL] [--json]",
  details: [
    `--tier NAME=COUNT  how many processes of a tier; ${tiers.map(({ name }) => name).join(", ")}; 1 of each by default, 0 leaves it out`,
    "--redis URL        the Redis to use; else REDIS_URL, else one of its own, which is gone with the fleet",
    jsonDetail,
    "Ports that are taken are stepped over: SG_GATEWAY_PORT (8080), SG_WEB_PORT (8090) and SG_HEALTH_PORT (9090) say where to begin.",
  ],
  options: { tier: { type: "string", multiple: true }, ...redisOption, ...jsonOption },
  async run(args) {
    const { counts, named } = readArguments(args);
    const plan = await makePlan(counts);
    const interruption = interrupted();
    const writer = chooseWriter(args.has("json"));
    try {
      return await host(plan, named, writer, interruption);
    } finally {
      writer.close();
      interruption.release();
    }
  },
};
