/** What `up` is going to start: how many of each tier, and where each of them listens. */
import { fromEnvironment } from "../../environment.ts";
import { StargazerError } from "../../errors.ts";
import { tiers } from "../../tiers/index.ts";
import { didYouMean } from "../closest.ts";
import { version } from "../version.ts";
import type { GivenPort, PortWish } from "./ports.ts";
import { givePorts } from "./ports.ts";

/** How many processes of each tier, in the order of boot. */
export type Counts = ReadonlyMap<string, number>;

export interface PlannedService {
  /** on the board: the tier's name, with a number where there are several */
  readonly name: string;
  readonly tier: string;
  readonly healthPort: number;
  /** of a tier that serves HTTP of its own */
  readonly port?: number;
  readonly env: Readonly<Record<string, string>>;
}

export interface Plan {
  readonly services: readonly PlannedService[];
  /** where the first of each tier that serves HTTP listens */
  readonly gateway?: string;
  readonly web?: string;
  /** the ports that could not be had where they were looked for first */
  readonly stepped: readonly GivenPort[];
}

const maxCount = 64;
/** Tiers that serve HTTP of their own: the variable that tells them their port, and where to look for one first. */
const httpPorts: Readonly<Record<string, { variable: string; from: number }>> = {
  gateway: { variable: "SG_GATEWAY_PORT", from: 8080 },
  web: { variable: "SG_WEB_PORT", from: 8090 },
};
const firstHealthPort = 9090;
/** On one machine there is no herd to spread: a small wait is enough. */
const bootJitterMs = 100;

/** Reads `NAME=COUNT`, adding to `problems` what is wrong with it; without any, one process a tier. */
export const readCounts = (texts: readonly string[], problems: string[]): Counts => {
  const counts = new Map(tiers.map(({ name }) => [name, 1]));
  for (const text of texts) {
    const [, name = text, count = ""] = /^([^=]*)=(.*)$/.exec(text) ?? [];
    if (!counts.has(name)) {
      const known = [...counts.keys()];
      problems.push(
        `--tier ${text}: unknown tier ${JSON.stringify(name)}${didYouMean(name, known)}, write one of ${known.join(", ")}`,
      );
    } else if (!/^\d{1,3}$/.test(count) || Number(count) > maxCount) {
      problems.push(`--tier ${text}: write ${name}=COUNT with a whole number from 0 to ${maxCount}`);
    } else counts.set(name, Number(count));
  }
  if ([...counts.values()].every((count) => count === 0)) problems.push("--tier: no tier is left to start");
  return counts;
};

/** A port that the environment asks for, or where to look first. */
const portFrom = (variable: string, fallback: number): number => {
  const text = fromEnvironment(variable);
  const port = text === undefined ? fallback : Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    `${variable} must be a port from 0 to 65535, not ${JSON.stringify(text?.slice(0, 80))}`,
  );
};

const namesOf = (tier: string, count: number): string[] =>
  count === 1 ? [tier] : Array.from({ length: count }, (_, index) => `${tier}-${index + 1}`);

const wishesOf = (name: string, tier: string): { health: PortWish; http: PortWish | undefined } => {
  const healthHost = fromEnvironment("SG_HEALTH_HOST") ?? "127.0.0.1";
  const http = httpPorts[tier];
  return {
    health: { whose: `${name} health`, host: healthHost, from: portFrom("SG_HEALTH_PORT", firstHealthPort) },
    http: http && { whose: name, host: fromEnvironment("SG_HTTP_HOST") ?? "127.0.0.1", from: portFrom(http.variable, http.from) },
  };
};

/** Finds a port for everything that listens. Throws `SG_ERR_CONFIG_INVALID`. */
export const makePlan = async (counts: Counts): Promise<Plan> => {
  const named = [...counts].flatMap(([tier, count]) => namesOf(tier, count).map((name) => ({ name, tier })));
  const wishes = named.map(({ name, tier }) => ({ name, tier, ...wishesOf(name, tier) }));
  // those whose URL people know come first, so that a health port never takes theirs
  const given = await givePorts([...wishes.flatMap(({ http }) => http ?? []), ...wishes.map(({ health }) => health)]);
  const portOf = (whose: string) => given.find((candidate) => candidate.whose === whose)?.port;
  const services = wishes.map(({ name, tier, health, http }) =>
    planned({ name, tier, healthPort: portOf(health.whose)!, port: http && portOf(http.whose) }),
  );
  return { services, ...addresses(services), stepped: given.filter(({ taken }) => taken.length > 0) };
};

const planned = ({
  name,
  tier,
  healthPort,
  port,
}: Record<"name" | "tier", string> & { healthPort: number; port: number | undefined }): PlannedService => ({
  name,
  tier,
  healthPort,
  ...(port === undefined ? {} : { port }),
  env: {
    SG_VERSION: version(),
    SG_HEALTH_PORT: String(healthPort),
    SG_BOOT_JITTER_MS: fromEnvironment("SG_BOOT_JITTER_MS") ?? String(bootJitterMs),
    ...(port === undefined ? {} : { [httpPorts[tier]!.variable]: String(port) }),
  },
});

/** For a browser on this machine; a wildcard address is reached through loopback. */
const addresses = (services: readonly PlannedService[]): { gateway?: string; web?: string } => {
  const host = fromEnvironment("SG_HTTP_HOST") ?? "127.0.0.1";
  const shown = ["0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const urlOf = (tier: string) => services.find((service) => service.tier === tier && service.port !== undefined)?.port;
  const [gateway, web] = [urlOf("gateway"), urlOf("web")];
  return {
    ...(gateway === undefined ? {} : { gateway: `http://${shown}:${gateway}` }),
    ...(web === undefined ? {} : { web: `http://${shown}:${web}` }),
  };
};
