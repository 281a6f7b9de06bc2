/** What the four routes answer, whichever thread holds the port: text from what is known, without a router. */
import type { CheckVerdict } from "../../machines/check.machine.ts";
import type { HealthFact } from "../../machines/health-port.machine.ts";
import { messageOf } from "../errors.ts";
import type { Load } from "./load-meter.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { Metric } from "./metrics.ts";
import { gauge, metricsType, writeMetrics } from "./metrics.ts";
import type { OwnMetrics } from "./own-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import type { Readiness } from "./readiness.ts";
import { judgeLiveness } from "./readiness.ts";
import type { RuntimeMeter } from "./runtime-meter.ts";
import type { HealthSource } from "./source.ts";

export interface AnswerParts {
  readonly source: HealthSource;
  readonly watch: LoopWatch;
  readonly checks: () => readonly CheckVerdict[];
  readonly judge: () => Readiness;
  readonly runtime: RuntimeMeter;
  /** undefined where the service has none */
  readonly own: OwnMetrics | undefined;
}

/** Called for a route that threw. */
export type OnFailed = (fact: Extract<HealthFact, { type: "health.request.failed" }>) => void;

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const json = (body: object, status = 200): Answer => ({
  status,
  contentType: "application/json; charset=utf-8",
  body: JSON.stringify(body),
});

const statusOf = ({ source, watch, checks, judge }: AnswerParts, load: Load): Answer => {
  const { eventLoopDelay: eventLoopDelayMs, eventLoopUtilized } = load;
  const { heapUsed, rss: rssBytes } = process.memoryUsage();
  const pressure = { eventLoopDelayMs, eventLoopUtilized, blockedMs: watch.blockedMs, heapUsed, rssBytes };
  const verdicts = checks();
  const redis = verdicts.find(isOfRedis);
  const own = verdicts.filter((verdict) => !isOfRedis(verdict));
  return json({
    ...source.status(),
    readiness: judge(),
    pressure,
    ...(redis && { redis: { reachable: redis.passing, failures: redis.failures, reason: redis.reason } }),
    ...(own.length > 0 && { checks: own }),
  });
};

const isOfRedis = ({ kind }: CheckVerdict): boolean => kind === "redis";

const checkMetrics = (verdicts: readonly CheckVerdict[]): Metric[] => [
  ...verdicts.filter(isOfRedis).map(({ passing }) => gauge("sg_redis_reachable", "Whether Redis answers.", Number(passing))),
  {
    name: "sg_check_passing",
    type: "gauge",
    help: "Whether a check of the service's own passes.",
    samples: verdicts
      .filter((verdict) => !isOfRedis(verdict))
      .map(({ check, kind, passing }) => ({ labels: { check, kind }, value: Number(passing) })),
  },
];

const ownOf = ({ watch, checks, judge, runtime }: AnswerParts, load: Load): Metric[] => [
  gauge("sg_up", "Whether the service answers.", 1),
  gauge("sg_ready", "Whether the service takes traffic.", judge().ready ? 1 : 0),
  gauge(
    "sg_metrics_age_seconds",
    "Age of these metrics: 0, or more while the event loop is blocked and the last ones are sent again.",
    0,
  ),
  ...checkMetrics(checks()),
  ...processMetrics(load, watch.totalBlockedMs),
  ...runtime.metrics(),
];

const metricsOf = (parts: AnswerParts, load: Load): Answer | Promise<Answer> => {
  const { source, own } = parts;
  // the format wants every line ended
  const ended = [writeMetrics(ownOf(parts, load)), source.metrics()].map((text) =>
    text === "" || text.endsWith("\n") ? text : `${text}\n`,
  );
  const answer = (text: string): Answer => ({ status: 200, contentType: metricsType, body: `${ended.join("")}${text}` });
  return own === undefined ? answer("") : own.text().then(answer);
};

const routes = {
  "/healthz": ({ source, checks }: AnswerParts) => {
    const liveness = judgeLiveness({ source, checks: checks() });
    return liveness.alive ? json({ status: "ok" }) : json({ status: "failed", reason: liveness.reason }, 503);
  },
  "/readyz": ({ judge }: AnswerParts) => {
    const readiness = judge();
    return json(readiness, readiness.ready ? 200 : 503);
  },
  "/status": statusOf,
  "/metrics": metricsOf,
} satisfies Record<string, (parts: AnswerParts, load: Load) => Answer | Promise<Answer>>;

export type Path = keyof typeof routes;
export const paths = Object.keys(routes) as readonly Path[];

/** The response to GET. Throws, or rejects with, the error of the source. */
export const answerOf = (path: Path, parts: AnswerParts, load: Load): Answer | Promise<Answer> => routes[path](parts, load);

/** The same for the probe thread, which asks for the two routes that it cannot answer by itself: a failure is reported, and a 500. */
export const containedAnswer = async (path: Path, parts: AnswerParts, load: Load, onFailed: OnFailed): Promise<Answer> => {
  try {
    return await answerOf(path, parts, load);
  } catch (error) {
    onFailed({ type: "health.request.failed", url: path, reason: messageOf(error) });
    return json({ error: "internal error" }, 500);
  }
};
