/** Everything that can be wrong with a fleet, checked before anything of it is started. */
import type { FleetRequest } from "../../machines/index.ts";
import { fromEnvironment } from "../environment.ts";
import { StargazerError } from "../errors.ts";
import { readChoice } from "../inspector/choice.ts";
import { redisUrlProblem } from "../redis/url.ts";
import { resolveOptions } from "../service/options/options.ts";
import { tiers } from "../tiers/index.ts";
import { existingFleetFolder, temporaryFolderProblem } from "./folder.ts";
import { hostProblems } from "./hosts.ts";
import { namedRedis } from "./locate.ts";
import { maxMemoryProblem } from "./max-memory.ts";

type Check = () => unknown;

const problemOf = async (check: Check): Promise<string[]> => {
  try {
    await check();
    return [];
  } catch (error) {
    if (error instanceof StargazerError && error.code === "SG_ERR_CONFIG_INVALID") return [error.message];
    throw error;
  }
};

/** The settings that every service reads; its Redis is given by the fleet. */
const checkService: Check = () => resolveOptions({ serviceName: "fleet", redis: null });

const checkInspector: Check = () => {
  const text = fromEnvironment("SG_INSPECT");
  return text === undefined ? undefined : readChoice(text, "SG_INSPECT");
};

/** What the services would refuse of their environment. A tier without a process is not checked. */
const settingProblems = async (wanted: typeof tiers, token: string): Promise<string[]> => {
  const problems: string[] = [];
  for (const check of [
    checkService,
    checkInspector,
    ...wanted.map(
      (tier): Check =>
        () =>
          tier.check({ token }),
    ),
  ]) {
    problems.push(...(await problemOf(check)));
  }
  return problems;
};

/** Whether the hosts can be listened on. Called where their settings are well formed, so that no problem is named twice. */
const listenProblems = async (wanted: typeof tiers): Promise<string[]> => [
  ...(wanted.some(({ port }) => port !== undefined) ? await hostProblems("SG_HTTP_HOST") : []),
  ...(await hostProblems("SG_HEALTH_HOST")),
];

/** An own Redis has its files in the temporary folder; where one is named, a folder that cannot be used only costs the logs. */
const redisProblems = async (url: string | undefined): Promise<string[]> => {
  const problem = url === undefined ? undefined : redisUrlProblem(url);
  if (problem !== undefined) return [`redis ${problem}`];
  return problemOf(() => {
    if (namedRedis(url) !== undefined) return;
    const own = [temporaryFolderProblem(), maxMemoryProblem()].filter((one) => one !== undefined);
    if (own.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", own.join("; "));
  });
};

/** Every problem of the fleet, whose token is given, and of its environment, a sentence each without its full stop; empty where it can be started. */
export const fleetProblems = async ({ counts, redis }: FleetRequest, token: string): Promise<readonly string[]> => {
  const wanted = tiers.filter(({ name }) => (counts.get(name) ?? 0) > 0);
  const problems = [
    ...(await redisProblems(redis)),
    ...(await problemOf(existingFleetFolder)),
    ...(await settingProblems(wanted, token)),
  ];
  if (problems.length === 0) problems.push(...(await listenProblems(wanted)));
  return [...new Set(problems)].map((problem) => problem.replace(/\.$/, ""));
};
