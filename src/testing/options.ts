/** What a tier's author may tell the kit. */

import type { Logger } from "../logger.ts";
import { silentLogger } from "../logger.ts";
import type { StargazerService } from "../service/service.ts";
import type { ServiceOptions } from "../service/types.ts";

/** Makes a service of yours. It has to hand `overrides` on to the constructor, over options of its own. */
export type ServiceFactory = (overrides: Partial<ServiceOptions>) => StargazerService;

/** All times in ms. */
export interface ConformanceOptions {
  /** Whether the service uses Redis. Default true; with false it gets `redis: null`, and the faults of Redis are left out. */
  readonly redis?: boolean;
  /** What `onStart` may take. Default 10000. */
  readonly startWithinMs?: number;
  /** What a hook may take to end after its signal aborted. Default 2000. */
  readonly obeyWithinMs?: number;
  /** What `onStop` and the releases may take together. Default 4000. */
  readonly stopWithinMs?: number;
  /** What `run` is given to get to work before something happens to it. Default 100. */
  readonly workMs?: number;
  /** What timers and sockets may take to go after the service has stopped. Default 1000. */
  readonly settleMs?: number;
  /** Where the services on trial log. Default nowhere: what was wrong is in the report. */
  readonly logger?: Logger;
  /** Only the scenarios of these names; see `scenarioNames`. Default all. */
  readonly only?: readonly string[];
}

export type Limits = Required<Omit<ConformanceOptions, "only">>;

export const limitsOf = ({ only: _only, ...given }: ConformanceOptions): Limits => ({
  redis: true,
  startWithinMs: 10_000,
  obeyWithinMs: 2000,
  stopWithinMs: 4000,
  workMs: 100,
  settleMs: 1000,
  logger: silentLogger,
  ...given,
});

/** one second for each step of stopping, which the chart keeps back */
const stepsMs = 8000;
export const budgetOf = ({ obeyWithinMs, stopWithinMs }: Limits): number => obeyWithinMs + stopWithinMs + stepsMs;
const heartbeatMs = 100;

/** What each service on trial gets: a quiet log, no jitter, a free health port, deadlines that show who overruns them. */
export const overridesFor = (limits: Limits, instanceId: string, redisUrl: string | undefined): Partial<ServiceOptions> => ({
  instanceId,
  redis: redisUrl ?? null,
  redisRequired: true,
  healthPort: 0,
  healthHost: "127.0.0.1",
  jitterMaxMs: 0,
  pingAttempts: 2,
  pingTimeoutMs: 1000,
  startTimeoutMs: limits.startWithinMs,
  registerTimeoutMs: 500,
  healthTimeoutMs: 2000,
  drainDelayMs: 0,
  drainTimeoutMs: limits.obeyWithinMs,
  stopTimeoutMs: limits.stopWithinMs,
  shutdownTimeoutMs: budgetOf(limits),
  leaseTtlMs: 15_000,
  heartbeatMs,
  logger: limits.logger,
});
