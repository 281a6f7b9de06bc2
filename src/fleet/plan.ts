/** What a fleet starts: its services by name, and the environment of each. */
import { randomBytes } from "node:crypto";
import type { ChildAddresses, FleetPlan, FleetRequest, PlannedService } from "../../machines/index.ts";
import { fromEnvironment } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { createToken, tokenFromEnvironment, tokenVariable } from "../http/token.ts";
import { tiers } from "../tiers/index.ts";
import { readPort } from "../tiers/settings.ts";
import type { Waiting } from "../until.ts";
import { version } from "../version.ts";
import { fleetProblems } from "./check.ts";
import { namedRedis } from "./locate.ts";
import { openRun } from "./runs.ts";

/** On one machine there is no herd to spread: a small wait is enough, in ms. */
const bootJitterMs = 100;
const highestPort = 65_535;

/**
 * Checks everything and opens the folder of the run. Rejects with `SG_ERR_CONFIG_INVALID`, all problems in one message. A folder that
 * is opened after `signal` aborted is removed again.
 */
export const planFleet = async (request: FleetRequest, { signal }: Waiting): Promise<FleetPlan> => {
  const token = tokenFromEnvironment() ?? createToken();
  const problems = await fleetProblems(request, token);
  if (problems.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", `${problems.join("; ")}.`);
  const redis = namedRedis(request.redis);
  const opened = await openFolder();
  if (signal.aborted) await opened.folder?.remove({ keepLogs: false });
  return { services: servicesOf(request, redis !== undefined), redis, token, ...opened };
};

/**
 * The names of the services, which are their instance ids too: a restarted process replaces its entry in the registry. On a Redis
 * that the fleet did not start, a random part keeps two fleets from replacing each other's entries.
 */
const servicesOf = ({ counts, modules }: FleetRequest, isShared: boolean): PlannedService[] => {
  const mark = isShared ? `-${randomBytes(3).toString("hex")}` : "";
  return [...counts].flatMap(([tier, count]) =>
    namesOf(tier, count).map((name) => ({ name: `${name}${mark}`, tier, module: modules?.get(tier) })),
  );
};

const namesOf = (tier: string, count: number): string[] =>
  count === 1 ? [tier] : Array.from({ length: count }, (_, index) => `${tier}-${index + 1}`);

/** The services can do without a folder. One that other users could have written to is refused all the same. */
const openFolder = async (): Promise<Pick<FleetPlan, "folder" | "notice">> => {
  try {
    return { folder: await openRun(), notice: undefined };
  } catch (error) {
    if (error instanceof StargazerError) throw error;
    return {
      folder: undefined,
      notice: `other shells have to be given the address of this fleet's Redis, and there are no logs: ${messageOf(error)}`,
    };
  }
};

/** The secrets of other tiers, taken away: a page or a gateway that is broken into has no key of the model. */
const withoutSecretsOf = (tier: string): Record<string, undefined> =>
  Object.fromEntries(
    tiers.flatMap(({ name, secrets = [] }) => (name === tier ? [] : secrets.map((secret) => [secret, undefined]))),
  );

/**
 * The environment of one process. A health port is any free one, unless `SG_HEALTH_PORT` names the first of the fleet's; a tier
 * with HTTP begins at its own port, or where it listened before, and steps over ports that are taken.
 */
export const environmentOf = (
  { services, token }: FleetPlan,
  { name, tier, module }: PlannedService,
  { redisUrl, addresses }: { readonly redisUrl: string; readonly addresses: ChildAddresses },
): Readonly<Record<string, string | undefined>> => {
  const http = tiers.find((definition) => definition.name === tier)?.port;
  const ofTier = services.filter((service) => service.tier === tier);
  const nth = (base: number, among: readonly PlannedService[]): number =>
    base === 0 ? 0 : Math.min(highestPort, base + among.findIndex((service) => service.name === name));
  const healthPort = nth(readPort({ variable: "SG_HEALTH_PORT", fallback: 0 }), services);
  const port = http && (addresses.http?.port ?? nth(readPort(http), ofTier));
  return {
    // a module keeps its own variables and its own version
    ...(module === undefined ? { ...withoutSecretsOf(tier), SG_VERSION: version() } : { SG_INSTANCE_ID: name }),
    // systemd watches the process of `up`, not each of its services
    NOTIFY_SOCKET: undefined,
    SG_BOOT_JITTER_MS: fromEnvironment("SG_BOOT_JITTER_MS") ?? String(bootJitterMs),
    SG_HEALTH_PORT: String(healthPort),
    ...(http === undefined ? {} : { [http.variable]: String(port) }),
    REDIS_URL: redisUrl,
    [tokenVariable]: token,
  };
};
