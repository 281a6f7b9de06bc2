/** Builds the resources of one service: the content of its registry entry, and the source of its health server. */
import { hostname } from "node:os";
import type { AnyActorRef } from "xstate";
import type { LifecycleSnapshot } from "../../../machines/index.ts";
import { uptimeOf } from "../../../machines/lifecycle.machine.ts";
import { isStopping } from "../../../machines/phases.ts";
import { stateName } from "../../../machines/state.ts";
import { messageOf } from "../../errors.ts";
import type { FlightRecorder } from "../../flight/recorder.ts";
import type { FlightRecording } from "../../flight/recording.ts";
import { tierMetrics } from "../../health/metrics.ts";
import type { Readiness } from "../../health/readiness.ts";
import type { HealthFact, HealthServer, HealthSource } from "../../health/server.ts";
import type { Check } from "../../health/source.ts";
import { prepareWorker } from "../../health/thread/probe-worker.ts";
import { hasJournal } from "../../journal/on.ts";
import type { RedisClient } from "../../redis/client.ts";
import { lastErrorOf } from "../../redis/connection.ts";
import { reasonOf } from "../../redis/reason.ts";
import { serviceVersion } from "../../version.ts";
import { defaultPace } from "../options/checks.ts";
import type { ResolvedOptions } from "../options/options.ts";
import type { JournalFact } from "../report/journal.ts";
import type { StatusReport } from "../report/status.ts";
import type { DescriptionFact } from "./description.ts";
import { describedMetadata } from "./description.ts";
import type { Boot, BootJournal } from "./resources.ts";
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
  /** Calls code of the tier in the asynchronous context where the service was constructed. */
  inContext<T>(call: () => T): T;
  /** what the service has noted of itself */
  recorder(): FlightRecorder;
  /** the flight recording, with this end */
  flight(end: FlightRecording["end"]): FlightRecording;
  onFact(fact: HealthFact | DescriptionFact | JournalFact): void;
}

export const openResources = (options: ResolvedOptions, source: ServiceSource): ServiceResources => {
  const { describe, onFact } = source;
  const metadata = describedMetadata({ metadata: options.metadata, describe, onFact });
  let known: string | undefined;
  // it may stand in a file, and each write of the entry and each scrape has it
  const version = (): string => (known ??= serviceVersion());
  const parts: Parts = { resources: () => resources, version };
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
      uptimeMs: uptimeOf(source.snapshot().context),
      health: resources.healthAddress ?? null,
      metadata: metadata(),
    }),
    loadJournal: hasJournal()
      ? (...registry) =>
          bootJournal(options, source, parts, ...registry).catch((error: unknown) => {
            onFact({ type: "journal.off", reason: messageOf(error) });
            throw error;
          })
      : undefined,
    isDegraded: () => source.snapshot().context.degraded,
    loadHealth: options.useHealthServer ? () => healthServer(options, source, parts) : undefined,
  });
  return resources;
};

/** What the parts that are loaded at the boot use of one another. */
interface Parts {
  readonly resources: () => ServiceResources;
  readonly version: () => string;
  /** undefined until it is loaded */
  lookAtReadiness?: (readiness: Readiness) => void;
}

/** Its thread, which takes longest, comes up while the rest is loaded. */
const healthServer = async (options: ResolvedOptions, source: ServiceSource, parts: Parts): Promise<HealthServer> => {
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
    onReadiness: (readiness) => parts.lookAtReadiness?.(readiness),
    parent: source.actor(),
  });
};

const bootJournal = async (
  { serviceName: service, instanceId: instance }: ResolvedOptions,
  source: ServiceSource,
  parts: Parts,
  ...registry: [RedisClient, Boot]
): Promise<BootJournal> => {
  const { openBootJournal } = await import("./boot-journal.ts");
  const journal = openBootJournal(
    {
      service,
      instance,
      version: parts.version,
      recorder: source.recorder(),
      now: source.snapshot().context.now,
      snapshot: () => source.snapshot(),
      readiness: () => parts.resources().readiness ?? chartReadiness(source.snapshot()),
      flight: (end) => source.flight(end),
      onOff: (reason) => source.onFact({ type: "journal.off", reason }),
    },
    ...registry,
  );
  parts.lookAtReadiness = journal.lookAtReadiness;
  // a health server that listens judges the readiness after each transition too
  source.onTransition(() => parts.resources().healthAddress === undefined && journal.lookAtReadiness());
  // a boot may be over before this is loaded, and then no transition follows
  journal.lookAtReadiness();
  return journal;
};

const chartReadiness = (snapshot: LifecycleSnapshot): Readiness => {
  const isReady = snapshot.status === "active" && snapshot.hasTag("ready");
  return isReady ? { ready: true } : { ready: false, reason: `the service is in '${stateName(snapshot)}'` };
};

const healthSource = (options: ResolvedOptions, source: ServiceSource, { resources, version }: Parts): HealthSource => ({
  state: () => stateName(source.snapshot()),
  onChange: (listener) => source.onTransition(listener),
  readiness: () => chartReadiness(source.snapshot()),
  stopping: () => isStopping(stateName(source.snapshot())),
  status: () => source.status(),
  metrics: () => source.metrics(version()),
  ownMetrics: options.metrics && { metrics: () => source.inContext(() => options.metrics!.metrics()) },
  tierMetrics: options[tierMetrics],
  checks: [
    ...(options.redis === null || !options.redisRequired ? [] : [redisCheck(resources)]),
    ...[...options.checks, ...options.livenessChecks].map(
      (check): Check => ({ ...check, run: (waiting) => source.inContext(() => check.run(waiting)) }),
    ),
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
