/** The four routes, on Fastify with under-pressure; importing this file loads neither. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { HealthFact, RedisVerdict } from "../../machines/health-port.machine.ts";
import { createApp, loadFastify as loadShell } from "../http/app.ts";
import type { Served } from "../http/rule.cjs";
import type { LoopWatch } from "./loop-watch.ts";
import { gauge, metricsType, writeMetrics } from "./metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import type { Readiness } from "./readiness.ts";
import type { HealthSource } from "./source.ts";

export interface AppOptions extends Served {
  readonly source: HealthSource;
  readonly watch: LoopWatch;
  /** undefined where readiness does not depend on Redis */
  readonly redis: () => RedisVerdict | undefined;
  readonly judge: () => Readiness;
  /** whether connections should end with their answer */
  readonly leaving: () => boolean;
  readonly maxDelayMs: number;
  readonly sampleMs: number;
  readonly onFact: (fact: Extract<HealthFact, { type: "health.request.failed" }>) => void;
}

const loadPressure = () => import("@fastify/under-pressure");

/** Loads both; the second call costs nothing. */
export const loadFastify = async (): Promise<void> => {
  await Promise.all([loadShell(), loadPressure()]);
};

const jsonType = "application/json; charset=utf-8";
const alive = JSON.stringify({ status: "ok" });

/** Ready to listen, with no timer but under-pressure's, which `app.close()` clears. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const { host, allowedHosts, leaving: isLeaving, onFact } = options;
  const onFailed = (failure: { readonly url: string; readonly reason: string }) =>
    onFact({ type: "health.request.failed", ...failure });
  const [{ default: underPressure }, app] = await Promise.all([
    loadPressure(),
    createApp({ host, allowedHosts, origins: "same", bodyLimit: 1024, isLeaving, onFailed }),
  ]);
  app.register(underPressure, {
    maxEventLoopDelay: options.maxDelayMs,
    eventLoopUtilizationMode: "interval",
    sampleInterval: options.sampleMs,
    // by itself it would answer 503 on every route; only `/readyz` shows pressure
    pressureHandler: () => {},
  });
  addRoutes(app, options);
  await app.ready();
  return app;
};

const addRoutes = (app: FastifyInstance, { source, watch, redis, judge }: AppOptions): void => {
  app.get("/healthz", (_request, reply) => {
    reply.header("content-type", jsonType).send(alive);
  });
  app.get("/readyz", (_request, reply) => {
    const readiness = judge();
    reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  app.get("/status", (_request, reply) => {
    const { eventLoopDelay: eventLoopDelayMs, eventLoopUtilized } = app.memoryUsage();
    const { heapUsed, rss: rssBytes } = process.memoryUsage();
    const pressure = { eventLoopDelayMs, eventLoopUtilized, blockedMs: watch.blockedMs, heapUsed, rssBytes };
    const verdict = redis();
    reply.send({ ...source.status(), readiness: judge(), pressure, ...(verdict && { redis: verdict }) });
  });
  app.get("/metrics", (_request, reply) => {
    const { ready } = judge();
    const verdict = redis();
    sendMetrics(reply, [
      writeMetrics([
        gauge("sg_up", "Whether the service answers.", 1),
        gauge("sg_ready", "Whether the service takes traffic.", ready ? 1 : 0),
        ...(verdict === undefined ? [] : [gauge("sg_redis_reachable", "Whether Redis answers.", verdict.reachable ? 1 : 0)]),
        ...processMetrics(app.memoryUsage(), watch.totalBlockedMs),
      ]),
      source.metrics(),
    ]);
  });
};

/** The format wants every line ended. */
const sendMetrics = (reply: FastifyReply, texts: readonly string[]): void => {
  const ended = texts.map((text) => (text === "" || text.endsWith("\n") ? text : `${text}\n`));
  reply.header("content-type", metricsType).send(ended.join(""));
};
