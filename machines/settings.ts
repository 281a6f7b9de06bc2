/** What the lifecycle chart has to know of its service, and the time it gives each step. All times in ms. */
import type { LeaseTimes } from "./lease.machine.ts";

/** What the lifecycle chart is created with. All times in ms. */
export interface LifecycleSettings extends LeaseTimes {
  /** there is a Redis: ping it, register there */
  readonly hasRedis: boolean;
  /** whether the boot fails where Redis does not pass the ping gate */
  readonly redisRequired: boolean;
  /** whether a health server opens in `healthy` */
  readonly hasHealth: boolean;
  /** how the Redis is called in messages; never with a password */
  readonly redisLabel: string;
  readonly pingAttempts: number;
  /** the longest random wait in `jitter` */
  readonly jitterMaxMs: number;
  /** for one attempt: connect, TLS, AUTH and PING */
  readonly pingTimeoutMs: number;
  /** for `onStart` */
  readonly startTimeoutMs: number;
  /** for registering, and for deregistering */
  readonly registerTimeoutMs: number;
  /** for opening the health server, and for closing it */
  readonly healthTimeoutMs: number;
  /** whether the health port closes before the drain, or behind the releases */
  readonly closeHealth: "first" | "last";
  /** between readiness falling and the next step of stopping */
  readonly drainDelayMs: number;
  /** for `onStart` and `run` after their signal aborted */
  readonly drainTimeoutMs: number;
  /** for `onStop` and the releases together */
  readonly stopTimeoutMs: number;
  /** for the whole of stopping */
  readonly shutdownTimeoutMs: number;
}

/** The label of a Redis that is a client of the caller's. */
export const givenClient = "the given client";

/** The defaults of a service's options (README, Options), and the times of its lease's writes. */
export const defaultSettings: LifecycleSettings = {
  hasRedis: true,
  redisRequired: true,
  hasHealth: true,
  redisLabel: "redis://127.0.0.1:6379",
  pingAttempts: 3,
  jitterMaxMs: 2000,
  pingTimeoutMs: 1000,
  startTimeoutMs: 60_000,
  registerTimeoutMs: 2000,
  healthTimeoutMs: 3000,
  closeHealth: "first",
  drainDelayMs: 0,
  drainTimeoutMs: 8000,
  stopTimeoutMs: 8000,
  shutdownTimeoutMs: 25_000,
  leaseTtlMs: 15_000,
  heartbeatMs: 5000,
  writeTimeoutMs: 2000,
  leaseRetryMs: 1000,
};

/** Between two attempts to reach Redis: at most this, jittered. */
export const maxPingBackoffMs = 500;

/** The longest boot, in ms: the sum of the deadlines of its steps. */
export const bootBudgetMs = (
  settings: Pick<
    LifecycleSettings,
    "jitterMaxMs" | "pingAttempts" | "pingTimeoutMs" | "startTimeoutMs" | "registerTimeoutMs" | "healthTimeoutMs"
  >,
): number => {
  const { jitterMaxMs, pingAttempts, pingTimeoutMs, startTimeoutMs, registerTimeoutMs, healthTimeoutMs } = settings;
  const gate = pingAttempts * pingTimeoutMs + (pingAttempts - 1) * maxPingBackoffMs;
  return jitterMaxMs + gate + startTimeoutMs + registerTimeoutMs + healthTimeoutMs;
};

const reserveMs = 1000;

/**
 * What a stopping step may take: the smaller of its own deadline and what is left of `shutdownTimeoutMs` less one second for
 * each step still to come (contract section 2). A budget too short for those seconds is shared out evenly instead, so that
 * every step still gets a turn.
 */
export const withinBudget = (ownMs: number, leftMs: number, stepsToCome: number): number =>
  Math.max(0, Math.min(ownMs, Math.max(leftMs - stepsToCome * reserveMs, leftMs / (stepsToCome + 1))));
