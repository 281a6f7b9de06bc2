/** Builds the real world of one service: what the registry entry says, and what the health server asks. */
import { hostname } from "node:os";
import type { LifecycleSnapshot } from "../../machines/index.ts";
import { stateName } from "../../machines/index.ts";
import { fromEnvironment } from "../environment.ts";
import type { HealthSource } from "../health/server.ts";
import { HealthServer, preload } from "../health/server.ts";
import { lifecycleMetrics } from "./metrics.ts";
import type { ResolvedOptions } from "./options.ts";
import type { StatusReport } from "./status.ts";
import { RealWorld } from "./world.ts";

/** What the world may ask of its service. */
export interface ServiceView {
  snapshot(): LifecycleSnapshot;
  status(): StatusReport;
  describe(): Record<string, unknown>;
  onFact(fact: object): void;
}

export const openWorld = (options: ResolvedOptions, view: ServiceView): RealWorld => {
  const world: RealWorld = new RealWorld({
    service: options.serviceName,
    instance: options.instanceId,
    redis: options.redis,
    leaseTtlMs: options.leaseTtlMs,
    describe: () => ({
      host: hostname(),
      pid: process.pid,
      version: fromEnvironment("npm_package_version") ?? "0.0.0",
      startedAt: view.snapshot().context.phases[0]?.startedAt ?? 0,
      health: world.healthAddress ?? null,
      metadata: { ...options.metadata, ...view.describe() },
    }),
    preloadHealth: options.useHealthServer ? preload : () => {},
    createHealth: () =>
      new HealthServer({
        host: options.healthHost,
        port: options.healthPort,
        source: healthSource(options, view, () => world),
        onFact: view.onFact,
      }),
  });
  return world;
};

const healthSource = (options: ResolvedOptions, view: ServiceView, world: () => RealWorld): HealthSource => ({
  readiness: () => {
    const snapshot = view.snapshot();
    return snapshot.hasTag("ready") ? { ready: true } : { ready: false, reason: `the service is ${stateName(snapshot)}` };
  },
  stopping: () => stateName(view.snapshot()) === "stopping",
  status: () => view.status(),
  metrics: () => lifecycleMetrics(view.status()),
  checkRedis:
    options.redis === null || !options.redisRequired
      ? undefined
      : async () => {
          await world().redis.ping();
        },
});
