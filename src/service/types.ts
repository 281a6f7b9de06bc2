/** What a tier's author meets: the options of a service, and the context of its hooks. */
import type { Companion, EndedPhase, Failure } from "../../machines/index.ts";
import type { StargazerError } from "../errors.ts";
import type { MetricsSource } from "../health/own-metrics.ts";
import type { Logger, LogLevel } from "../logger.ts";
import type { GivenRedisClient, RedisClient } from "../redis/client.ts";

/**
 * One check of a service's own. It fails if it rejects, throws or returns `false`; anything else passes. It runs on the main thread, one
 * call at a time, on a schedule of its own, so that many probes cost one call. `signal` aborts at the deadline: the check then counts as
 * failed, once more for each interval for which the call still hangs, and no second call begins beside it.
 */
export type HealthCheck = (given: { readonly signal: AbortSignal }) => unknown;

/** A check with a pace of its own; the defaults are those of the check of Redis. */
export interface HealthCheckOptions {
  readonly check: HealthCheck;
  /** ms from the start of one call to the start of the next. Default 1000. */
  readonly intervalMs?: number | undefined;
  /** ms for one check. Default 1000. */
  readonly timeoutMs?: number | undefined;
  /** Failures in a row after which it fails. Default 3. */
  readonly failures?: number | undefined;
  /** Passes in a row after which it passes, at first and after a failure. Default 1. */
  readonly successes?: number | undefined;
}

/**
 * Options over environment over default; `undefined` is absent. All problems are reported at once, before anything is touched.
 *
 * Every duration is in ms and measured by a monotonic clock, that of `setTimeout`: setting the time of the system moves none. The time for
 * which a machine is suspended counts on macOS and Windows and does not on Linux, where a deadline goes on behind it; the clock of Redis goes
 * on in any case, so an entry whose TTL passed meanwhile is gone until the next beat, which writes it again.
 */
export interface ServiceOptions {
  /** name of the tier in the registry: no `:`, braces or control characters, at most 64 characters */
  readonly serviceName: string;
  /** identity among its replicas. Default `SG_INSTANCE_ID`, else host name, pid and a short random part */
  readonly instanceId?: string | undefined;
  /**
   * A client of ioredis (6 or 5) that you own and close, a URL that the service opens and closes (`redis://`, `rediss://`; a unix socket is
   * `redis://localhost?path=/run/redis.sock`), or `null` for none. A `keyPrefix` of the client holds for what you send over it; the
   * registry entry has none.
   * Default: `REDIS_URL`, else `redis://127.0.0.1:6379`.
   */
  readonly redis?: GivenRedisClient | string | null | undefined;
  /** Whether boot fails without Redis. Default `SG_REDIS_REQUIRED` (1 or 0), else true; with false it boots `degraded` and registers when Redis answers. */
  readonly redisRequired?: boolean | undefined;
  /** Default: whether there is a Redis. */
  readonly useHealthServer?: boolean | undefined;
  /** Default `SG_HEALTH_PORT`, else 9090; 0 picks a free one. */
  readonly healthPort?: number | undefined;
  /** Default `SG_HEALTH_HOST`, else 127.0.0.1. Kubernetes needs 0.0.0.0. */
  readonly healthHost?: string | undefined;
  /**
   * Names under which the service's HTTP servers answer, beside IP addresses, `localhost`, `healthHost` and the machine's host name;
   * another name gets 421. `.example.org` allows every name that ends so. A reverse proxy that passes the public name on needs it,
   * and so does a scrape by a DNS name. Default `SG_ALLOWED_HOSTS` (separated by commas), else none.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /**
   * Whether a thread beside the main one answers `/healthz` and `/readyz`, so that probes are answered while the event loop is
   * blocked. Costs 2 to 5 MB. Default `SG_PROBE_THREAD` (1 or 0), else true.
   */
  readonly probeThread?: boolean | undefined;
  /** ms that the event loop may be blocked before `/readyz` answers 503. Default `SG_READINESS_BLOCK_MS`, else 1000. */
  readonly readinessBlockMs?: number | undefined;
  /** ms that it may be blocked before `/healthz` answers 503; without the probe thread it does not answer meanwhile. Default `SG_LIVENESS_BLOCK_MS`, else 30000. */
  readonly livenessBlockMs?: number | undefined;
  /**
   * Checks of what the service needs to take traffic, by name: `/readyz` is 503 until each has passed, and while one fails; the reason
   * names the check, as do `/status`, `/metrics` and the facts `check.failed` and `check.restored`. They run from when the port is
   * open until the service stops. A name has letters, digits, `.`, `_` and `-`, at most 64. They need the health server.
   *
   * ```ts
   * super({ serviceName: "orders", checks: { database: ({ signal }) => this.pool.query({ text: "select 1", signal }) } });
   * ```
   */
  readonly checks?: Readonly<Record<string, HealthCheck | HealthCheckOptions>> | undefined;
  /**
   * Checks of the process itself: while one fails `/healthz` is 503, **and the orchestrator kills the process**. Only for what a
   * restart repairs, such as a consumer that no longer makes progress. A database or another service that is down belongs to `checks`: as a
   * liveness check it restarts every replica at once, in a loop, for as long as it is down. Before its first result, and
   * while the service stops, a liveness check counts as passed. A blocked event loop is covered already (`livenessBlockMs`).
   */
  readonly livenessChecks?: Readonly<Record<string, HealthCheck | HealthCheckOptions>> | undefined;
  /**
   * Metrics of the service's own: an object with `metrics()`, which returns (a promise of) the text format of Prometheus. A registry of
   * prom-client fits. They are served on `/metrics` behind Stargazer's, each series once. A name of Stargazer's (all that begin with `sg_`,
   * and those of prom-client's default metrics that `/metrics` has) fails the boot with `SG_ERR_METRICS_CLASH`. If a call takes
   * longer than half of `readinessBlockMs` or returns more than 4 MiB, the scrape lacks these metrics, and the fact `metrics.failed` is
   * emitted. They need the health server.
   */
  readonly metrics?: MetricsSource | undefined;
  /** A random wait of 0 to this many ms before Redis is touched. Default `SG_BOOT_JITTER_MS`, else 2000; 0 is none. */
  readonly jitterMaxMs?: number | undefined;
  /** Default `SG_PING_ATTEMPTS`, else 3. */
  readonly pingAttempts?: number | undefined;
  /** ms for one attempt: connect, TLS, AUTH and PING. Default `SG_PING_TIMEOUT_MS`, else 1000. */
  readonly pingTimeoutMs?: number | undefined;
  /** ms for `onStart`. Default `SG_START_TIMEOUT_MS`, else 60000. */
  readonly startTimeoutMs?: number | undefined;
  /** ms for registering, and for deregistering. Default `SG_REGISTER_TIMEOUT_MS`, else 2000. */
  readonly registerTimeoutMs?: number | undefined;
  /** ms for opening the health server, and for closing it. Default `SG_HEALTH_TIMEOUT_MS`, else 3000. */
  readonly healthTimeoutMs?: number | undefined;
  /**
   * When the health server closes in `stopping`: `first`, after `drainDelayMs` and before the drain; or `last`, after the drain, `onStop` and
   * the releases: until then `/readyz` is 503, `/healthz` 200, and `/status` and `/metrics` answer. Use `last` if the orchestrator goes on
   * probing a service that stops, so that a long drain does not look like a failure. Default `first`.
   */
  readonly closeHealth?: "first" | "last" | undefined;
  /** ms between `/readyz` turning 503 and the next step of stopping, for load balancers to notice and for `onDrain`. Default `SG_DRAIN_DELAY_MS`, else 0. */
  readonly drainDelayMs?: number | undefined;
  /** ms that `onStart` and `run` get after their signal aborted. Default `SG_DRAIN_TIMEOUT_MS`, else 8000. */
  readonly drainTimeoutMs?: number | undefined;
  /** ms for `onStop` and the releases together. Default `SG_STOP_TIMEOUT_MS`, else 8000. */
  readonly stopTimeoutMs?: number | undefined;
  /** ms for the whole of stopping. Default `SG_SHUTDOWN_TIMEOUT_MS`, else 25000, under Kubernetes' 30 s. */
  readonly shutdownTimeoutMs?: number | undefined;
  /** ms that the registry entry lives without a beat. Default `SG_LEASE_TTL_MS`, else 15000. */
  readonly leaseTtlMs?: number | undefined;
  /** ms between beats, at most a third of the TTL. Default `SG_HEARTBEAT_MS`, else 5000. */
  readonly heartbeatMs?: number | undefined;
  /** Carried in the registry entry; JSON of at most 4096 bytes. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Any pino-like logger; an error is under `err`. Default: lines on standard output, as text on a terminal, else as JSON. */
  readonly logger?: Logger | undefined;
  /** What the default logger writes: lines of this level and above, `silent` for none. Default `SG_LOG_LEVEL`, else `info`. A `logger` has a level of its own. */
  readonly logLevel?: LogLevel | undefined;
}

/** What each hook is given. */
export interface HookContext {
  /**
   * `onStart`, `run`: aborts when the work has to end (after deregistering). `onDrain`, `onStop`: aborts at its deadline. It aborts in a turn of the
   * event loop, so a loop that looks at it also has to wait in each pass, for a timer or for I/O: see `redis`.
   */
  readonly signal: AbortSignal;
  /**
   * Aborts on entry of `stopping`, as soon as `/readyz` is 503: before `drainDelayMs`, and long before `signal`. For work that should begin
   * nothing new from then on but may finish what it has: a consumer that takes no further message, a poll that is not repeated. All hooks
   * get the same signal, so in `onStop` it has already aborted.
   */
  readonly stopping: AbortSignal;
  /**
   * Runs `work` as a named phase: it is timed, shown as `starting.tools`, and in the report. Nests. Rethrows unchanged. Any number may be
   * open at once: each one's end is a fact (`phase.ended`), and status and report keep the latest, 200 phases in all.
   * Rejects with the signal's reason, without starting, once the signal has aborted.
   */
  phase<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Has `release` called when the service stops, last in first out, also if a later line throws. After the unwinding: at once. */
  defer(release: () => unknown): void;
  /**
   * Spawns a chart as a child of the service's own, beside the hook: `/status`, the inspector and the flight recorder show it. What
   * `lead` runs on. Resolves when that chart has ended and rejects with its failure. It is asked to end when the drain begins, and
   * the drain waits for it, at its deadline cuts it off; from then on `spawn` rejects with the signal's reason.
   */
  spawn(companion: Companion): Promise<void>;
  /** the service's logger; what it throws is contained */
  readonly log: Logger;
  /**
   * The service's command connection. Throws where the service has no Redis (`redis: null`). Over a connection that the service
   * has opened a command rejects after 2000 ms without an answer, and within 64 ms while Redis is away: nothing is queued, and nothing
   * is sent a third time. Such a rejection comes in a later turn of the event loop, each some ms later than the one before, so a loop
   * that catches it blocks nothing. A `run` that is to outlive an outage catches it and waits before it tries again:
   *
   * ```ts
   * while (!signal.aborted) {
   *   await redis.incr("passes").catch((error) => log.warn({ reason: error.message }, "pass.failed"));
   *   await setTimeout(1000, undefined, { signal }).catch(() => {}); // of node:timers/promises
   * }
   * ```
   *
   * A client of your own rejects as you have set it: with `enableOfflineQueue: false` at once, and such a loop has to wait after an
   * error. A command does not end with `signal`: `onStop` uses the same connection.
   */
  readonly redis: RedisClient;
}

/**
 * How a service stopped. `durationMs` and `offsetMs`, which is counted from the construction of the service, are measured, in ms; `startedAt`
 * is a reading of the wall clock, in ms since the epoch, so the difference of two of them is no duration.
 */
export interface StopReport {
  /** The first cause: `run` returned, a shutdown or signal, or a failure. A hook or release that fails makes it `failed` too. */
  readonly outcome: "completed" | "shutdown" | "failed";
  /** the first cause in words: `SIGTERM`, `run returned`, `onStart failed` */
  readonly reason: string;
  /** 1 exactly when the outcome is `failed`, else 0. */
  readonly exitCode: 0 | 1;
  /** The first failure; later ones never hide it. */
  readonly error?: StargazerError;
  /** every failure, in the order in which they happened */
  readonly failures: readonly Pick<Failure, "phase" | "code" | "message">[];
  /** every phase, in the order in which it began */
  readonly phases: readonly EndedPhase[];
}
