/** What `up` starts, and where each of it listens: chosen before it is started, and again before it is started again. */
import { fromEnvironment } from "../environment.ts";
import { readPort } from "../tiers/settings.ts";
import { version } from "../version.ts";
import type { Counts } from "./counts.ts";
import type { Claims } from "./files.ts";
import type { GivenPort, PortWish } from "./ports.ts";
import { givePorts } from "./ports.ts";

export interface PlannedService {
  /** on the board: the tier's name, with a number where there are several */
  readonly name: string;
  readonly tier: string;
  readonly healthPort: number;
  /** of a tier that serves HTTP of its own */
  readonly port?: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Where the first of each tier that serves HTTP listens: URLs for a browser on this machine. */
export interface Addresses {
  readonly gateway?: string;
  readonly web?: string;
}

/** Tiers that serve HTTP of their own: the variable that tells them their port, and where to look for one first. */
const httpPorts: Readonly<Record<string, { variable: string; from: number }>> = {
  gateway: { variable: "SG_GATEWAY_PORT", from: 8080 },
  web: { variable: "SG_WEB_PORT", from: 8090 },
};
const firstHealthPort = 9090;
/** On one machine there is no herd to spread: a small wait is enough. */
const bootJitterMs = 100;

interface Named {
  readonly name: string;
  readonly tier: string;
}

const namesOf = (tier: string, count: number): string[] =>
  count === 1 ? [tier] : Array.from({ length: count }, (_, index) => `${tier}-${index + 1}`);

/** Where a service would like to listen; one that has ports, where it did. */
const wishesOf = ({ name, tier, healthPort, port }: Named & Partial<PlannedService>): PortWish[] => {
  const health = {
    whose: `${name} health`,
    host: fromEnvironment("SG_HEALTH_HOST") ?? "127.0.0.1",
    hostVariable: "SG_HEALTH_HOST",
    from: healthPort ?? readPort("SG_HEALTH_PORT", undefined, firstHealthPort),
  };
  const http = httpPorts[tier];
  if (http === undefined) return [health];
  const host = fromEnvironment("SG_HTTP_HOST") ?? "127.0.0.1";
  return [
    { whose: name, host, hostVariable: "SG_HTTP_HOST", from: port ?? readPort(http.variable, undefined, http.from) },
    health,
  ];
};

const planned = ({ name, tier }: Named, given: readonly GivenPort[]): PlannedService => {
  const portOf = (whose: string) => given.find((candidate) => candidate.whose === whose)?.port;
  const [healthPort, port] = [portOf(`${name} health`)!, portOf(name)];
  const env = {
    SG_VERSION: version(),
    SG_HEALTH_PORT: String(healthPort),
    SG_BOOT_JITTER_MS: fromEnvironment("SG_BOOT_JITTER_MS") ?? String(bootJitterMs),
    ...(port === undefined ? {} : { [httpPorts[tier]!.variable]: String(port) }),
  };
  return { name, tier, healthPort, ...(port === undefined ? {} : { port }), env };
};

const portsOf = ({ healthPort, port }: PlannedService): number[] => (port === undefined ? [healthPort] : [healthPort, port]);
const isStepped = ({ taken }: GivenPort): boolean => taken.length > 0;

export class Plan {
  /** the ports that could not be had where they were looked for first */
  readonly stepped: readonly GivenPort[];
  readonly #services: Map<string, PlannedService>;
  readonly #claims: Claims;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(named: readonly Named[], given: readonly GivenPort[], claims: Claims) {
    this.#services = new Map(named.map((service) => [service.name, planned(service, given)]));
    this.#claims = claims;
    this.stepped = given.filter(isStepped);
    this.#claim();
  }

  /** Finds a port for everything that listens. Rejects with `SG_ERR_CONFIG_INVALID`. */
  static async make(counts: Counts, claims: Claims): Promise<Plan> {
    const named = [...counts].flatMap(([tier, count]) => namesOf(tier, count).map((name) => ({ name, tier })));
    const wishes = named.flatMap((service) => wishesOf(service));
    // those whose URL people know come first, so that a health port never takes theirs
    const inOrder = [...wishes].sort((one, other) => rankOf(one) - rankOf(other));
    const others = claims.others().flatMap(({ ports }) => ports);
    const given = await givePorts(inOrder, { spoken: [], isClaimed: (port) => others.includes(port) });
    return new Plan(named, given, claims);
  }

  get services(): readonly PlannedService[] {
    return [...this.#services.values()];
  }

  service(name: string): PlannedService {
    return this.#services.get(name)!;
  }

  get addresses(): Addresses {
    const [gateway, web] = [this.#urlOf("gateway"), this.#urlOf("web")];
    return { ...(gateway === undefined ? {} : { gateway }), ...(web === undefined ? {} : { web }) };
  }

  /**
   * Looks at the ports of a service that is about to be started: whichever somebody else has taken since they were chosen is
   * replaced. Resolves with those. One service at a time, so that two never step to the same one.
   */
  renew(name: string): Promise<readonly GivenPort[]> {
    const renewed = this.#turn.then(() => this.#renew(this.service(name)));
    this.#turn = renewed.catch(() => {});
    return renewed;
  }

  async #renew(service: PlannedService): Promise<readonly GivenPort[]> {
    const own = portsOf(service);
    const spoken = this.services.filter((other) => other !== service).flatMap(portsOf);
    const others = this.#claims.others();
    // of two fleets that chose the same port at the same moment, the one with the lower pid keeps it
    const isClaimed = (port: number) =>
      others.some(({ pid, ports }) => ports.includes(port) && (pid < process.pid || !own.includes(port)));
    const given = await givePorts(wishesOf(service), { spoken, isClaimed });
    this.#services.set(service.name, planned(service, given));
    this.#claim();
    return given.filter(isStepped);
  }

  #claim(): void {
    this.#claims.note(this.services.flatMap(portsOf));
  }

  /** A wildcard address is reached through loopback. */
  #urlOf(tier: string): string | undefined {
    const port = this.services.find((service) => service.tier === tier && service.port !== undefined)?.port;
    const host = fromEnvironment("SG_HTTP_HOST") ?? "127.0.0.1";
    const shown = ["0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
    return port === undefined ? undefined : `http://${shown}:${port}`;
  }
}

const rankOf = ({ hostVariable }: PortWish): number => (hostVariable === "SG_HTTP_HOST" ? 0 : 1);
