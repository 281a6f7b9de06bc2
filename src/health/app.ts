/** The four routes on Fastify with under-pressure, for a port that the main thread holds; importing this file loads neither. */
import type { FastifyInstance } from "fastify";
import { createApp, loadFastify as loadShell } from "../http/app.ts";
import type { Served } from "../http/rule.cjs";
import type { Answer, AnswerParts, OnFailed } from "./answers.ts";
import { answerOf, paths } from "./answers.ts";
import type { LoadMeterOptions } from "./load-meter.ts";

export interface AppOptions extends Served, AnswerParts, LoadMeterOptions {
  /** whether connections should end with their answer */
  readonly leaving: () => boolean;
  readonly onFact: OnFailed;
}

const loadPressure = () => import("@fastify/under-pressure");

/** Loads both; the second call costs nothing. */
export const loadFastify = async (): Promise<void> => {
  await Promise.all([loadShell(), loadPressure()]);
};

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
  for (const path of paths) {
    app.get(path, (_request, reply) => {
      const send = ({ status, contentType, body }: Answer) => reply.code(status).header("content-type", contentType).send(body);
      const answer = answerOf(path, options, app.memoryUsage());
      return answer instanceof Promise ? answer.then(send) : send(answer);
    });
  }
  await app.ready();
  return app;
};
