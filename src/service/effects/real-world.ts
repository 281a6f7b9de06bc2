/** Builds the real world of one service: what the registry entry says, and what the health server asks. */
import { hostname } from "node:os";
import type { LifecycleSnapshot } from "../../../machines/index.ts";
import { isStopping } from "../../../machines/phases.ts";
import { stateName } from "../../../machines/state.ts";
import { fromEnvironment } from "../../environment.ts";
import type { HealthFact, HealthServer, HealthSource } from "../../health/server.ts";
import { prepareWorker } from "../../health/thread/probe-worker.ts";
import { lastErrorOf } from "../../redis/connection.ts";
import { reasonOf } from "../../redis/reason.ts";
import type { ResolvedOptions } from "../options/options.ts";
import { lifecycleMetrics } from "../report/metrics.ts";
import type { StatusReport } from "../report/status.ts";
import { RealWorld } from "./world.ts";

/** What the world may ask of its service. */
export interface ServiceView {
  snapshot(): LifecycleSnapshot;
  /** Calls `listener` after every transition, until the returned function is called. */
  onTransition(listener: () => void): () => void;
  status(): StatusReport;
  describe(): Record<string, unknown>;
  onFact(fact: HealthFact): void;
}

export const openWorld = (options: ResolvedOptions, view: ServiceView): RealWorld => {
  const world: RealWorld = new RealWorld({
    service: options.serviceName,
    instance: options.instanceId,
    redis: options.redis,
    leaseTtlMs: options.leaseTtlMs,
    prepareTimeoutMs: options.pingTimeoutMs,
    describe: () => ({
      host: hostname(),
      pid: process.pid,
      version: fromEnvironment("SG_VERSION") ?? fromEnvironment("npm_package_version") ?? "0.0.0",
      startedAt: view.snapshot().context.phases[0]?.startedAt ?? 0,
      health: world.healthAddress ?? null,
      metadata: { ...options.metadata, ...view.describe() },
    }),
    loadHealth: options.useHealthServer ? () => healthServer(options, view, () => world) : undefined,
  });
  return world;
};

/** Its thread, which takes longest, comes up while the rest is loaded. */
const healthServer = async (options: ResolvedOptions, view: ServiceView, world: () => RealWorld): Promise<HealthServer> => {
  if (options.probeThread) prepareWorker();
  const { HealthServer } = await import("../../health/server.ts");
  return new HealthServer({
    host: options.healthHost,
    port: options.healthPort,
    probeThread: options.probeThread,
    readinessBlockMs: options.readinessBlockMs,
    livenessBlockMs: options.livenessBlockMs,
    source: healthSource(options, view, world),
    onFact: view.onFact,
  });
};

const healthSource = (options: ResolvedOptions, view: ServiceView, world: () => RealWorld): HealthSource => ({
  state: () => stateName(view.snapshot()),
  onChange: (listener) => view.onTransition(listener),
  readiness: () => {
    const snapshot = view.snapshot();
    return snapshot.hasTag("ready") ? { ready: true } : { ready: false, reason: `the service is ${stateName(snapshot)}` };
  },
  stopping: () => isStopping(stateName(view.snapshot())),
  status: () => view.status(),
  metrics: () => lifecycleMetrics(view.status()),
  checkRedis:
    options.redis === null || !options.redisRequired
      ? undefined
      : async () => {
          const { redis } = world();
          await redis.ping().catch((error: unknown) => {
            throw new Error(reasonOf(lastErrorOf(redis) ?? error));
          });
        },
});
