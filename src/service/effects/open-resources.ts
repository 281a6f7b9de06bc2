/** Builds the resources of one service: the content of its registry entry, and the source of its health server. */
import { hostname } from "node:os";
import type { AnyActorRef } from "xstate";
import type { LifecycleSnapshot } from "../../../machines/index.ts";
import { isStopping } from "../../../machines/phases.ts";
import { stateName } from "../../../machines/state.ts";
import type { HealthFact, HealthServer, HealthSource } from "../../health/server.ts";
import type { Check } from "../../health/source.ts";
import { prepareWorker } from "../../health/thread/probe-worker.ts";
import { lastErrorOf } from "../../redis/connection.ts";
import { reasonOf } from "../../redis/reason.ts";
import { serviceVersion } from "../../version.ts";
import { defaultPace } from "../options/checks.ts";
import type { ResolvedOptions } from "../options/options.ts";
import type { StatusReport } from "../report/status.ts";
import type { DescriptionFact } from "./description.ts";
import { describedMetadata } from "./description.ts";
import { ServiceResources } from "./resources.ts";

/** What the resources read of their service. */
export interface ServiceSource {
  /** the actor of its chart, for charts that run in the same system */
  actor(): AnyActorRef;
  snapshot(): LifecycleSnapshot;
  /** Calls `listener` after every transition, until the returned function is called. */
  onTransition(listener: () => void): () => void;
  status(): StatusReport;
  /** the metrics of the service's life, in the text format of Prometheus */
  metrics(version: string): string;
  describe(): unknown;
  onFact(fact: HealthFact | DescriptionFact): void;
}

export const openResources = (options: ResolvedOptions, source: ServiceSource): ServiceResources => {
  const { describe, onFact } = source;
  const metadata = describedMetadata({ metadata: options.metadata, describe, onFact });
  let known: string | undefined;
  // it may stand in a file, and each write of the entry and each scrape has it
  const version = (): string => (known ??= serviceVersion());
  const resources: ServiceResources = new ServiceResources({
    service: options.serviceName,
    instance: options.instanceId,
    redis: options.redis,
    leaseTtlMs: options.leaseTtlMs,
    prepareTimeoutMs: options.pingTimeoutMs,
    describe: () => ({
      host: hostname(),
      pid: process.pid,
      version: version(),
      // equivalent mutant: init is entered by the constructor
      startedAt: source.snapshot().context.phases[0]?.startedAt ?? 0,
      health: resources.healthAddress ?? null,
      metadata: metadata(),
    }),
    isDegraded: () => source.snapshot().context.degraded,
    loadHealth: options.useHealthServer
      ? () => healthServer(options, source, { resources: () => resources, version })
      : undefined,
  });
  return resources;
};

/** Its thread, which takes longest, comes up while the rest is loaded. */
const healthServer = async (options: ResolvedOptions, source: ServiceSource, parts: HealthSourceParts): Promise<HealthServer> => {
  // accepted mutant (false): the thread starts with the server, some 40 ms later
  if (options.probeThread) prepareWorker();
  const { HealthServer } = await import("../../health/server.ts");
  return new HealthServer({
    host: options.healthHost,
    port: options.healthPort,
    allowedHosts: options.allowedHosts,
    probeThread: options.probeThread,
    readinessBlockMs: options.readinessBlockMs,
    livenessBlockMs: options.livenessBlockMs,
    source: healthSource(options, source, parts),
    onFact: source.onFact,
    parent: source.actor(),
  });
};

interface HealthSourceParts {
  readonly resources: () => ServiceResources;
  readonly version: () => string;
}

const healthSource = (
  options: ResolvedOptions,
  source: ServiceSource,
  { resources, version }: HealthSourceParts,
): HealthSource => ({
  state: () => stateName(source.snapshot()),
  onChange: (listener) => source.onTransition(listener),
  readiness: () => {
    const snapshot = source.snapshot();
    const isReady = snapshot.status === "active" && snapshot.hasTag("ready");
    return isReady ? { ready: true } : { ready: false, reason: `the service is ${stateName(snapshot)}` };
  },
  stopping: () => isStopping(stateName(source.snapshot())),
  status: () => source.status(),
  metrics: () => source.metrics(version()),
  ownMetrics: options.metrics,
  checks: [
    ...(options.redis === null || !options.redisRequired ? [] : [redisCheck(resources)]),
    ...options.checks,
    ...options.livenessChecks,
  ],
});

const redisCheck = (resources: () => ServiceResources): Check => ({
  ...defaultPace,
  check: "redis",
  kind: "redis",
  run: async () => {
    const { redis } = resources();
    await redis.ping().catch((error: unknown) => {
      throw new Error(reasonOf(lastErrorOf(redis) ?? error));
    });
  },
});
