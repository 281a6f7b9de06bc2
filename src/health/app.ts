/** The four routes, on Fastify with under-pressure. Both are loaded when they are needed, not when the library is imported. */
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { messageOf, StargazerError } from "../errors.ts";
import type { TellHealth } from "./facts.ts";
import type { LoopWatch } from "./loop-watch.ts";
import { gauge, metricsType, writeMetrics } from "./metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import type { Readiness } from "./readiness.ts";
import type { RedisCheck } from "./redis-check.ts";
import type { HealthSource } from "./source.ts";

export interface AppOptions {
  readonly source: HealthSource;
  readonly watch: LoopWatch;
  readonly check: RedisCheck | undefined;
  readonly judge: () => Readiness;
  /** whether connections should end with their answer */
  readonly leaving: () => boolean;
  readonly maxDelayMs: number;
  readonly sampleMs: number;
  readonly onFact: TellHealth;
}

const load = () => Promise.all([import("fastify"), import("@fastify/under-pressure")]);

/** Any time; they are loaded once. */
export const loadFastify = async (): Promise<void> => {
  await load();
};

const unwanted = (): never => {
  throw new StargazerError("SG_ERR_INTERNAL", "no health route may have a schema");
};

/** Fastify's own compilers would load ajv, which is most of its boot time. */
const compilersFactory = { buildValidator: unwanted, buildSerializer: unwanted };

const jsonType = "application/json; charset=utf-8";
const alive = JSON.stringify({ status: "ok" });

/** Ready to listen, with no timer but under-pressure's, which `app.close()` clears. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const [{ fastify }, { default: underPressure }] = await load();
  const app = fastify({
    schemaController: { compilersFactory },
    // a request on a connection that is already there is answered truly until the end
    return503OnClosing: false,
    requestTimeout: 10_000,
    bodyLimit: 1024,
  });
  app.register(underPressure, {
    maxEventLoopDelay: options.maxDelayMs,
    eventLoopUtilizationMode: "interval",
    sampleInterval: options.sampleMs,
    // by itself it would answer 503 on every route; only `/readyz` shows pressure
    pressureHandler: () => {},
  });
  addAnswers(app, options);
  addRoutes(app, options);
  await app.ready();
  return app;
};

/** What holds for every answer: the last one on a connection says so, an error is JSON, what broke inside is told to us alone. */
const addAnswers = (app: FastifyInstance, { leaving, onFact }: AppOptions): void => {
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (leaving()) reply.header("connection", "close");
    done();
  });
  app.setNotFoundHandler((request, reply) => reply.code(404).send({ error: `there is no ${request.method} ${request.url}` }));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const code = error.statusCode ?? 500;
    if (code >= 500) onFact({ type: "health.request.failed", url: request.url, reason: messageOf(error) });
    return reply.code(code).send({ error: code >= 500 ? "internal error" : error.message });
  });
};

const addRoutes = (app: FastifyInstance, { source, watch, check, judge }: AppOptions): void => {
  app.get("/healthz", (_request, reply) => {
    reply.header("content-type", jsonType).send(alive);
  });
  app.get("/readyz", (_request, reply) => {
    const told = judge();
    reply.code(told.ready ? 200 : 503).send(told);
  });
  app.get("/status", (_request, reply) => {
    const { eventLoopDelay: eventLoopDelayMs, eventLoopUtilized } = app.memoryUsage();
    const { heapUsed, rss: rssBytes } = process.memoryUsage();
    const pressure = { eventLoopDelayMs, eventLoopUtilized, blockedMs: watch.blockedMs, heapUsed, rssBytes };
    const redis = check === undefined ? {} : { redis: check.verdict };
    reply.send({ ...source.status(), readiness: judge(), pressure, ...redis });
  });
  app.get("/metrics", (_request, reply) => {
    const { ready } = judge();
    sendMetrics(reply, [
      writeMetrics([
        gauge("sg_up", "Whether the service answers.", 1),
        gauge("sg_ready", "Whether the service takes traffic.", ready ? 1 : 0),
        ...(check === undefined ? [] : [gauge("sg_redis_reachable", "Whether Redis answers.", check.verdict.reachable ? 1 : 0)]),
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
