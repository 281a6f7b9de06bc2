/** Reads the options, the environment and the defaults into settings; one error names every problem. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { LifecycleSettings } from "../../../machines/index.ts";
import { initialState } from "../../../machines/phases.ts";
import { defaultSettings, givenClient } from "../../../machines/settings.ts";
import { allowedHostsVariable } from "../../allowed-hosts.ts";
import { unknownKeys } from "../../closest.ts";
import type { Variable } from "../../environment.ts";
import { fromEnvironment } from "../../environment.ts";
import { messageOf, StargazerError } from "../../errors.ts";
import { tierMetrics } from "../../health/metrics.ts";
import type { MetricsSource } from "../../health/own-metrics.ts";
import type { Check } from "../../health/source.ts";
import type { Logger, LogLevel } from "../../logger.ts";
import { isRecord } from "../../record.ts";
import type { RedisClient } from "../../redis/client.ts";
import { redactUrl } from "../../redis/url.ts";
import { nameProblem } from "../../registry/names.ts";
import type { ServiceOptions } from "../types.ts";
import { readChecks } from "./checks.ts";
import type { NumberRule } from "./readers.ts";
import {
  longestMs,
  readAllowedHosts,
  readBoolean,
  readCloseHealth,
  readHost,
  readLogger,
  readLogLevel,
  readMetadata,
  readMetrics,
  readName,
  readNumber,
  readRedis,
  readSwitch,
  shown,
} from "./readers.ts";

const ms = (variable: Variable, fallback: number, min = 0): NumberRule => ({ variable, fallback, min, max: longestMs });

const numberRules = {
  healthPort: { variable: "SG_HEALTH_PORT", fallback: 9090, min: 0, max: 65_535 },
  readinessBlockMs: ms("SG_READINESS_BLOCK_MS", 1000, 100),
  livenessBlockMs: ms("SG_LIVENESS_BLOCK_MS", 30_000, 100),
  jitterMaxMs: ms("SG_BOOT_JITTER_MS", defaultSettings.jitterMaxMs),
  pingAttempts: { variable: "SG_PING_ATTEMPTS", fallback: defaultSettings.pingAttempts, min: 1, max: 1000 },
  pingTimeoutMs: ms("SG_PING_TIMEOUT_MS", defaultSettings.pingTimeoutMs, 1),
  startTimeoutMs: ms("SG_START_TIMEOUT_MS", defaultSettings.startTimeoutMs, 1),
  registerTimeoutMs: ms("SG_REGISTER_TIMEOUT_MS", defaultSettings.registerTimeoutMs, 1),
  healthTimeoutMs: ms("SG_HEALTH_TIMEOUT_MS", defaultSettings.healthTimeoutMs, 1),
  drainDelayMs: ms("SG_DRAIN_DELAY_MS", defaultSettings.drainDelayMs),
  drainTimeoutMs: ms("SG_DRAIN_TIMEOUT_MS", defaultSettings.drainTimeoutMs),
  stopTimeoutMs: ms("SG_STOP_TIMEOUT_MS", defaultSettings.stopTimeoutMs, 1),
  shutdownTimeoutMs: ms("SG_SHUTDOWN_TIMEOUT_MS", defaultSettings.shutdownTimeoutMs, 1),
  leaseTtlMs: ms("SG_LEASE_TTL_MS", defaultSettings.leaseTtlMs, 3),
  heartbeatMs: ms("SG_HEARTBEAT_MS", defaultSettings.heartbeatMs, 1),
} satisfies Record<string, NumberRule>;
type NumberOption = keyof typeof numberRules;
type NumberSetting = NumberOption & keyof LifecycleSettings;
const numberNames = Object.keys(numberRules) as NumberOption[];

/** The options with every default and variable applied. */
export interface ResolvedOptions extends Record<NumberOption, number> {
  readonly serviceName: string;
  readonly instanceId: string;
  readonly redis: RedisClient | string | null;
  readonly redisRequired: boolean;
  readonly useHealthServer: boolean;
  readonly closeHealth: "first" | "last";
  readonly healthHost: string;
  readonly allowedHosts: readonly string[];
  readonly probeThread: boolean;
  readonly checks: readonly Check[];
  readonly livenessChecks: readonly Check[];
  readonly metrics: MetricsSource | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly logger: Logger | undefined;
  readonly logLevel: LogLevel;
  readonly [tierMetrics]?: MetricsSource;
}

/** The options that are no numbers, and the variable that each is read from where the option is absent. */
const otherOptions: Readonly<Record<Exclude<keyof ResolvedOptions, NumberOption | symbol>, Variable | undefined>> = {
  serviceName: undefined,
  instanceId: "SG_INSTANCE_ID",
  redis: "REDIS_URL",
  redisRequired: "SG_REDIS_REQUIRED",
  useHealthServer: undefined,
  healthHost: "SG_HEALTH_HOST",
  allowedHosts: allowedHostsVariable,
  probeThread: "SG_PROBE_THREAD",
  checks: undefined,
  livenessChecks: undefined,
  metrics: undefined,
  closeHealth: undefined,
  metadata: undefined,
  logger: undefined,
  logLevel: "SG_LOG_LEVEL",
};

/** Each option, and the variable that it is read from where it is absent. */
export const optionVariables: ReadonlyMap<string, Variable | undefined> = new Map([
  ...numberNames.map((name) => [name, numberRules[name].variable] as const),
  ...Object.entries(otherOptions),
]);
const knownOptions = [...optionVariables.keys()];

/** The default of each option that is a number. */
export const numberDefaults: ReadonlyMap<string, number> = new Map(numberNames.map((name) => [name, numberRules[name].fallback]));

/** Throws `SG_ERR_CONFIG_INVALID` with all problems in one message, those in `known` first. Opens nothing. */
export const resolveOptions = (options: ServiceOptions, known: readonly string[] = []): ResolvedOptions => {
  const problems = [...known];
  const given = readOptions(options, problems);
  const numbers = readNumbers(given, problems);
  const redis = readRedis(given.redis, problems);
  const own = (options as { readonly [tierMetrics]?: MetricsSource } | undefined)?.[tierMetrics];
  const resolved: ResolvedOptions = {
    ...numbers,
    serviceName: readName("service", given.serviceName, problems),
    instanceId: readName(
      "instance",
      given.instanceId === undefined ? (fromEnvironment("SG_INSTANCE_ID") ?? ownInstanceId()) : given.instanceId,
      problems,
    ),
    redis,
    redisRequired: readSwitch("redisRequired", given.redisRequired, { variable: "SG_REDIS_REQUIRED", fallback: true }, problems),
    useHealthServer: readBoolean("useHealthServer", given.useHealthServer, redis !== null, problems),
    healthHost: readHost(given.healthHost, problems),
    allowedHosts: readAllowedHosts(given.allowedHosts, problems),
    probeThread: readSwitch("probeThread", given.probeThread, { variable: "SG_PROBE_THREAD", fallback: true }, problems),
    checks: readChecks("checks", given.checks, problems),
    livenessChecks: readChecks("livenessChecks", given.livenessChecks, problems),
    metrics: readMetrics(given.metrics, problems),
    closeHealth: readCloseHealth(given.closeHealth, problems),
    metadata: readMetadata(given.metadata, problems),
    logger: readLogger(given.logger, problems),
    logLevel: readLogLevel(given.logLevel, given.logger, problems),
    ...(own === undefined ? {} : { [tierMetrics]: own }),
  };
  problems.push(...contradictions(numbers), ...withoutServer(resolved));
  if (problems.length > 0) throw invalid(given.serviceName, problems);
  return resolved;
};

/**
 * The settings of the lifecycle chart. Filled into a copy of the defaults, since an object built key by key is slower to read, and
 * every step of the chart reads this one.
 */
export const settingsOf = (options: ResolvedOptions): LifecycleSettings => {
  const settings: { -readonly [Name in keyof LifecycleSettings]: LifecycleSettings[Name] } = {
    ...defaultSettings,
    leaseRetryMs: Math.min(defaultSettings.leaseRetryMs, options.heartbeatMs),
    hasRedis: options.redis !== null,
    redisRequired: options.redisRequired,
    hasHealth: options.useHealthServer,
    closeHealth: options.closeHealth,
    redisLabel: typeof options.redis === "string" ? redactUrl(options.redis) : givenClient,
  };
  for (const name of numberNames) if (name in defaultSettings) settings[name as NumberSetting] = options[name];
  return settings;
};

/** Reads each known option by name, so inherited ones count. A getter that throws is one of the problems. */
const readOptions = (options: unknown, problems: string[]): ServiceOptions => {
  if (!isRecord(options)) {
    problems.push(`the options must be an object, not ${shown(options)}`);
    return { serviceName: "unknown" };
  }
  problems.push(...unknownKeys(options, knownOptions));
  const read = (name: string): unknown => {
    try {
      return options[name];
    } catch (error) {
      problems.push(`${name} cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  };
  return Object.fromEntries(knownOptions.map((name) => [name, read(name)])) as unknown as ServiceOptions;
};

const invalid = (service: unknown, problems: readonly string[]): StargazerError => {
  // equivalent mutant: only whether there is a problem is read
  const whose = nameProblem("service", service) === undefined ? ` of '${service}'` : "";
  return new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    `the configuration${whose} has ${problems.length} problem${problems.length === 1 ? "" : "s"}: ${problems.join("; ")}.`,
    { phase: initialState },
  );
};

const ownInstanceId = (): string =>
  // accepted mutant: no test machine has a host name that long, or with such characters
  `${hostname()
    // accepted mutant: no test machine has a host name with such characters
    .replace(/[^\w.-]/g, "-")
    .slice(0, 64)}-${process.pid}-${randomBytes(3).toString("hex")}`;

const readNumbers = (given: ServiceOptions, problems: string[]): Record<NumberOption, number> =>
  Object.fromEntries(
    Object.entries<NumberRule>(numberRules).map(([name, rule]) => [
      name,
      readNumber(name, rule, given[name as NumberOption], problems),
    ]),
  ) as Record<NumberOption, number>;

const withoutServer = ({ useHealthServer, checks, livenessChecks, metrics }: ResolvedOptions): string[] =>
  useHealthServer || (checks.length + livenessChecks.length === 0 && metrics === undefined)
    ? []
    : ["checks, livenessChecks and metrics need the health server: set useHealthServer: true"];

const contradictions = (numbers: Record<NumberOption, number>): string[] => {
  const { drainDelayMs, shutdownTimeoutMs, heartbeatMs, leaseTtlMs, readinessBlockMs, livenessBlockMs } = numbers;
  return [
    ...(drainDelayMs >= shutdownTimeoutMs
      ? [`drainDelayMs (${drainDelayMs}) must be less than shutdownTimeoutMs (${shutdownTimeoutMs})`]
      : []),
    ...(heartbeatMs * 3 > leaseTtlMs
      ? [`heartbeatMs (${heartbeatMs}) must be at most a third of leaseTtlMs (${leaseTtlMs})`]
      : []),
    ...(readinessBlockMs > livenessBlockMs
      ? [`readinessBlockMs (${readinessBlockMs}) must be at most livenessBlockMs (${livenessBlockMs})`]
      : []),
  ];
};
