/** The times that a deployment must allow a service: computed from the service's own deadlines. */
import { bootBudgetMs } from "../../machines/settings.ts";
import { longestChain, orderOf } from "../launch/chain.ts";
import type { EffectiveOption } from "../service/options/configuration.ts";

/** A service of a process, and the names of those that it boots after. */
export interface Configured {
  readonly options: readonly EffectiveOption[];
  readonly after: readonly string[];
}

/** The process that is deployed. */
export interface Deployed {
  /** of the service whose health port is probed */
  readonly options: readonly EffectiveOption[];
  /** every service of the process; absent where it is that one alone */
  readonly group?: readonly Configured[];
}

/** The figures of one service, or of the group that it is probed for, in ms where a name says so. */
export interface Budgets {
  readonly service: string;
  /** the longest boot, without the start of the process */
  readonly bootMs: number;
  readonly stopMs: number;
  readonly drainDelayMs: number;
  readonly readinessBlockMs: number;
  readonly livenessBlockMs: number;
  readonly hasHealth: boolean;
  readonly healthPort: number;
  readonly healthHost: string;
  readonly allowedHosts: readonly string[];
  readonly hasRedis: boolean;
  /** options that the program sets itself, so that their variables have no effect */
  readonly fixed: ReadonlySet<string>;
}

/** the longest time in ms from the end of the last service to the exit: see `launch` */
const lingerMs = 1000;
/** ms added to a deadline of the service for the start of a process and a busy machine */
export const marginMs = 4000;

type Value = EffectiveOption["value"];

/**
 * `environment` is that of the deployment; it holds for options that the program does not set itself. The boot and the stop of a group last
 * as long as those of its longest chain.
 */
export const budgetsOf = (
  { options, group }: Deployed,
  environment: ReadonlyMap<string, string | undefined> = new Map(),
): Budgets => {
  const own = budgetsOfOne(options, environment);
  if (group === undefined) return own;
  const all = group.map((service) => budgetsOfOne(service.options, environment));
  const order = orderOf(group.map(({ after }, at) => ({ name: all[at]!.service, after })));
  const usesRedis = all.find(({ hasRedis, fixed }) => hasRedis && !fixed.has("redis"));
  return {
    ...own,
    bootMs: longestChain(order, (at) => all[at]!.bootMs),
    stopMs: longestChain(order, (at) => all[at]!.stopMs - lingerMs) + lingerMs,
    hasRedis: all.some(({ hasRedis }) => hasRedis),
    fixed: new Set([...own.fixed].filter((option) => option !== "redis" || usesRedis === undefined)),
  };
};

/** The process of these services. Probed is the last one that has a health server. */
export const deployedOf = (group: readonly Configured[]): Deployed => {
  const hasHealth = ({ options }: Configured) =>
    options.some(({ option, value }) => option === "useHealthServer" && value === true);
  const { options } = group.findLast(hasHealth) ?? group[0]!;
  return group.length > 1 ? { options, group } : { options };
};

const budgetsOfOne = (options: readonly EffectiveOption[], environment: ReadonlyMap<string, string | undefined>): Budgets => {
  const inForce = ({ value, source, variable }: EffectiveOption): Value => {
    const text = source === "option" || variable === null ? undefined : environment.get(variable);
    if (text === undefined || text === "") return value;
    return typeof value === "number" && /^\d+$/.test(text.trim()) ? Number(text) : typeof value === "number" ? value : text;
  };
  const values = new Map(options.map((option) => [option.option, inForce(option)]));
  const number = (name: string): number => Number(values.get(name) ?? 0);
  const hosts = String(values.get("allowedHosts") ?? "[]");
  return {
    service: String(values.get("serviceName") ?? "service"),
    bootMs: bootBudgetMs({
      jitterMaxMs: number("jitterMaxMs"),
      pingAttempts: number("pingAttempts"),
      pingTimeoutMs: number("pingTimeoutMs"),
      startTimeoutMs: number("startTimeoutMs"),
      registerTimeoutMs: number("registerTimeoutMs"),
      healthTimeoutMs: number("healthTimeoutMs"),
    }),
    stopMs: number("shutdownTimeoutMs") + lingerMs,
    drainDelayMs: number("drainDelayMs"),
    readinessBlockMs: number("readinessBlockMs"),
    livenessBlockMs: number("livenessBlockMs"),
    hasHealth: values.get("useHealthServer") === true,
    healthPort: number("healthPort"),
    healthHost: String(values.get("healthHost") ?? ""),
    allowedHosts: hosts.startsWith("[") ? (JSON.parse(hosts) as string[]) : hosts.split(",").map((host) => host.trim()),
    hasRedis: values.get("redis") !== null,
    fixed: new Set(options.filter(({ source }) => source === "option").map(({ option }) => option)),
  };
};

/** Whole seconds, at least so many ms. */
export const secondsFor = (ms: number): number => Math.ceil(ms / 1000);

/** The probes of a container: seconds and counts. */
export interface Probes {
  readonly startupPeriod: number;
  readonly startupThreshold: number;
  readonly readinessPeriod: number;
  readonly readinessThreshold: number;
  readonly livenessPeriod: number;
  readonly livenessThreshold: number;
  /** the drain delay of the deployment, over readiness period × threshold */
  readonly drainDelayMs: number;
  readonly graceSeconds: number;
}

/** A drain delay that the program sets bounds the readiness probe; otherwise the deployment sets one that is longer than the probe takes. */
export const probesFor = (budgets: Budgets): Probes => {
  const { bootMs, stopMs, drainDelayMs, fixed } = budgets;
  const readinessPeriod = 2;
  const isBound = fixed.has("drainDelayMs") && drainDelayMs > 0;
  const readinessThreshold = isBound ? Math.max(1, Math.min(2, Math.ceil(drainDelayMs / 1000 / readinessPeriod) - 1)) : 2;
  const needed = (readinessPeriod * readinessThreshold + 1) * 1000;
  const delay = isBound ? drainDelayMs : Math.max(drainDelayMs, needed);
  return {
    startupPeriod: 2,
    startupThreshold: Math.ceil((bootMs + marginMs) / 2000),
    readinessPeriod,
    readinessThreshold,
    livenessPeriod: 10,
    livenessThreshold: 3,
    drainDelayMs: delay,
    graceSeconds: secondsFor(stopMs + marginMs),
  };
};
