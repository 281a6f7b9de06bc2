/** The options of the conformance kit. */
import { unknownKeys } from "../closest.ts";
import type { Logger } from "../logger.ts";
import { silentLogger } from "../logger.ts";
import type { StargazerService } from "../service/service.ts";
import type { ServiceOptions } from "../service/types.ts";

/** Makes a new service at each call. It passes `overrides` to the constructor, where they win over options of its own. */
export type ServiceFactory = (overrides: Partial<ServiceOptions>) => StargazerService;

/** All times in ms. */
export interface ConformanceOptions {
  /** Whether the service uses Redis. Default true; with false it gets `redis: null`, and the faults of Redis are left out. */
  readonly redis?: boolean;
  /** The longest that `onStart` may take. Default 10000. */
  readonly startWithinMs?: number;
  /** The longest that a hook may go on after its signal aborted. Default 3000: one command of `context.redis` may take 2000 of it. */
  readonly obeyWithinMs?: number;
  /** The longest that `onStop` and the releases may take together. Default 4000. */
  readonly stopWithinMs?: number;
  /** How long `run` works before a scenario disturbs it. Default 100. */
  readonly workMs?: number;
  /** The longest that timers and sockets may stay open after the service has stopped. Default 1000. */
  readonly settleMs?: number;
  /**
   * The longest that the event loop may go without a turn. Default 1000, from which on `/readyz` answers 503. After ten times that
   * the process is killed, for a report can no longer come: see `conformance`.
   */
  readonly turnWithinMs?: number;
  /** The logger of the services on trial. Default: none, for the report has every breach. */
  readonly logger?: Logger;
  /** Only the scenarios of these names; see `scenarioNames`. Default all. */
  readonly only?: readonly string[];
}

export type Limits = Required<Omit<ConformanceOptions, "only">>;

const defaults: Limits = {
  redis: true,
  startWithinMs: 10_000,
  obeyWithinMs: 3000,
  stopWithinMs: 4000,
  workMs: 100,
  settleMs: 1000,
  turnWithinMs: 1000,
  logger: silentLogger,
};

/** Throws a `TypeError` for an unknown option: a limit that has no effect must not look kept. */
export const limitsOf = ({ only: _only, ...given }: ConformanceOptions): Limits => {
  const problems = unknownKeys(given, Object.keys(defaults));
  if (problems.length > 0) throw new TypeError(`conformance was given an ${problems.join(", an ")}`);
  return { ...defaults, ...given };
};

/** what the chart reserves for the steps of stopping: one second each */
const stepsMs = 8000;
export const budgetOf = ({ obeyWithinMs, stopWithinMs }: Limits): number => obeyWithinMs + stopWithinMs + stepsMs;
const heartbeatMs = 100;

/**
 * The options of a service on trial: no log, no jitter, a free health port, and for its hooks the deadlines of the limits. The
 * others are long, for a busy machine is no breach of the service.
 */
export const overridesFor = (limits: Limits, instanceId: string, redisUrl: string | undefined): Partial<ServiceOptions> => ({
  instanceId,
  redis: redisUrl ?? null,
  redisRequired: true,
  healthPort: 0,
  healthHost: "127.0.0.1",
  jitterMaxMs: 0,
  pingAttempts: 2,
  pingTimeoutMs: 5000,
  startTimeoutMs: limits.startWithinMs,
  registerTimeoutMs: 500,
  healthTimeoutMs: 10_000,
  drainDelayMs: 0,
  drainTimeoutMs: limits.obeyWithinMs,
  stopTimeoutMs: limits.stopWithinMs,
  shutdownTimeoutMs: budgetOf(limits),
  leaseTtlMs: 15_000,
  heartbeatMs,
  logger: limits.logger,
});
