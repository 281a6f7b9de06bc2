/** `up`: the whole fleet on this machine, one process a tier, each under its supervisor. */
import { messageOf, StargazerError } from "../errors.ts";
import { problemsOfSettings } from "../fleet/check.ts";
import type { Counts } from "../fleet/counts.ts";
import { readCounts } from "../fleet/counts.ts";
import type { ServiceEnding, Writer } from "../fleet/facts.ts";
import type { RunFolder } from "../fleet/files.ts";
import { noClaims, openRunFolder, temporaryFolderProblem } from "../fleet/files.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { startFleet } from "../fleet/fleet.ts";
import type { Place } from "../fleet/locate.ts";
import { namedRedis } from "../fleet/locate.ts";
import { Plan } from "../fleet/plan.ts";
import type { FleetRedis } from "../fleet/redis.ts";
import { provideRedis } from "../fleet/redis.ts";
import { signalExitCode } from "../process.ts";
import { redactUrl } from "../redis/url.ts";
import { tiers } from "../tiers/index.ts";
import { createBoard } from "./board.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, redisOption, refuse, refusePositionals } from "./command.ts";
import { hearNoLonger } from "./early.ts";
import { createJsonLines, createLines } from "./lines.ts";
import { onOutputLost } from "./output.ts";
import type { Interruption } from "./signals.ts";
import { aborted, interrupted } from "./signals.ts";

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
  /** ms since the epoch */
  readonly startedAt: number;
}

/** Tells other shells where the fleet is. */
const publish = ({ plan, redis, folder, startedAt }: Run): void =>
  folder?.publish({ pid: process.pid, redisUrl: redis.url, startedAt, ...plan.addresses });

const announce = (run: Run, fleet: Fleet): void => {
  const { plan, redis, folder, writer } = run;
  publish(run);
  writer.write({
    type: "fleet.starting",
    redis: redactUrl(redis.url),
    isOwnRedis: redis.isOwn,
    ...plan.addresses,
    ...(folder === undefined ? {} : { logs: folder.path }),
    services: fleet.views(),
  });
};

/** Resolves with why the fleet has to stop: a signal, or nothing is left of it. Says when all services are running. */
const whileItRuns = async ({ plan, redis, writer, interruption }: Run, fleet: Fleet): Promise<string> => {
  const over = Promise.race([
    aborted(interruption.signal).then(() => String(interruption.signal.reason)),
    fleet.ended.then(() => "no service is left"),
    redis.lost.then(() => "its Redis was given up"),
  ]);
  const isReady = await Promise.race([
    fleet.ready.then(
      () => true,
      () => over.then(() => false),
    ),
    over.then(() => false),
  ]);
  if (isReady) writer.write({ type: "fleet.ready", ms: Math.round(performance.now()), ...plan.addresses });
  return over;
};

const runFleet = async (run: Run): Promise<readonly ServiceEnding[]> => {
  const { plan, redis, folder, writer, interruption } = run;
  const fleet = startFleet({ plan, redisUrl: redis.url, logs: folder?.path, writer, onMoved: () => publish(run) });
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

/** One who was interrupted has not failed to get what was waited for. */
const unlessInterrupted = <T>(promise: Promise<T>, { signal }: Interruption): Promise<T | undefined> =>
  promise.catch((error: unknown) => {
    if (signal.aborted) return undefined;
    throw error;
  });

/** Redis is the first to come and the last to go. */
const onRedis = async (setting: Omit<Run, "redis">, named: Place | undefined): Promise<readonly ServiceEnding[]> => {
  const { writer, interruption } = setting;
  const redis = await unlessInterrupted(provideRedis({ named, writer, signal: interruption.signal }), interruption);
  let endings: readonly ServiceEnding[] = [];
  let lost: ServiceEnding | undefined;
  try {
    if (redis !== undefined && !interruption.signal.aborted) endings = await runFleet({ ...setting, redis });
    else writer.write({ type: "fleet.stopping", reason: String(interruption.signal.reason) });
  } finally {
    lost = await redis?.stop();
  }
  return lost === undefined ? endings : [...endings, lost];
};

/** From the choice of ports to the table of endings. */
const host = async ({ counts, named }: Wanted, writer: Writer, interruption: Interruption): Promise<number> => {
  const folder = provideFolder(writer);
  let endings: readonly ServiceEnding[] | undefined;
  try {
    const plan = await Plan.make(counts, folder?.claims ?? noClaims);
    for (const { whose, taken, port } of plan.stepped) writer.write({ type: "port.taken", whose, taken, port });
    endings = await onRedis({ plan, folder, writer, interruption, startedAt: Date.now() }, named);
  } finally {
    folder?.remove({ keepLogs: endings === undefined || endings.some(({ ok }) => !ok) });
  }
  const exitCode = exitCodeOf(endings, interruption);
  const logs = folder !== undefined && endings.some(({ ok }) => !ok) ? { logs: folder.path } : {};
  writer.write({ type: "fleet.stopped", services: endings, exitCode, ...logs });
  return exitCode;
};

interface Wanted {
  readonly counts: Counts;
  readonly named: Place | undefined;
}

/** Everything that can be wrong with the arguments and the environment, at once. */
const readWanted = async (args: Arguments): Promise<Wanted> => {
  const counts = readCounts(args.texts("tier"), args.problems);
  refusePositionals(args);
  const refused: string[] = [];
  let named: Place | undefined;
  try {
    named = namedRedis(args.text("redis"));
    // an own Redis has its files there; without one it is only the logs that are lost
    const problem = named === undefined ? temporaryFolderProblem() : undefined;
    if (problem !== undefined) refused.push(problem);
  } catch (error) {
    if (!(error instanceof StargazerError)) throw error;
    (error.code === "SG_ERR_USAGE" ? args.problems : refused).push(error.message);
  }
  refused.push(...(await problemsOfSettings(counts)));
  const sentences = refused.map((problem) => problem.replace(/\.$/, ""));
  if (args.problems.length > 0) args.problems.push(...sentences);
  refuse(args, up);
  if (sentences.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", `${sentences.join("; ")}.`);
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
    const wanted = await readWanted(args);
    const interruption = interrupted();
    hearNoLonger();
    // without a reader a fleet is asked to stop like anything else in a pipe; what it says meanwhile is for nobody
    onOutputLost(() => interruption.stop("nobody reads the output"));
    const writer = chooseWriter(args.has("json"));
    try {
      return await host(wanted, writer, interruption);
    } finally {
      writer.close();
      interruption.release();
    }
  },
};
