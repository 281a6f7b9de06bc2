/** Fastify as each server here uses it: no compilers, one guard, one answer to an unknown path, one to an error. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { messageOf, StargazerError } from "../errors.ts";
import type { Guarded } from "./guard.ts";
import { addGuard, answerRefusal, refusalBy } from "./guard.ts";
import { answerHeaders } from "./headers.ts";

export interface AppOptions extends Guarded {
  /** bytes that the body of a request may have */
  readonly bodyLimit: number;
  /** Asked for each answer: whether the connection ends with it. */
  readonly isLeaving: () => boolean;
  /** Called for each error that a client sees as `internal error`. */
  readonly onFailed: (failure: { readonly url: string; readonly reason: string }) => void;
}

/** Loads Fastify, which importing this file does not. Node loads it once. */
export const loadFastify = () => import("fastify");

const compile = (): never => {
  throw new StargazerError("SG_ERR_INTERNAL", "no route of a Stargazer server may have a schema");
};

/** Fastify's own compilers would load ajv, which is most of its boot time. */
const compilersFactory = { buildValidator: compile, buildSerializer: compile };

/** Answers a target that the router cannot read, which no hook sees: one that is refused, or the error. */
const answerUnroutable =
  (guarded: Guarded) =>
  (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    reply.headers(answerHeaders);
    const refusal = refusalBy(guarded, request) ?? { status: error.statusCode ?? 400, error: error.message };
    answerRefusal(request, reply, refusal);
  };

/** Fastify's router compiles its routes in a later turn, where a refusal would be an uncaught error. */
const demandCompilation = (): void => {
  try {
    Reflect.construct(Function, []);
  } catch (cause) {
    throw new StargazerError(
      "SG_ERR_START_FAILED",
      "Fastify compiles its routes, and this process may not generate code from strings: start it without --disallow-code-generation-from-strings",
      { cause },
    );
  }
};

/** An app without routes that does not listen. The caller closes it. Rejects where Node may not generate code from strings. */
export const createApp = async ({ bodyLimit, isLeaving, onFailed, ...guarded }: AppOptions): Promise<FastifyInstance> => {
  demandCompilation();
  // of a CommonJS package that is bundled and loaded late, only the default export has a name
  const { default: fastify } = await loadFastify();
  const app = fastify({
    schemaController: { compilersFactory },
    // while the app closes, requests on connections that exist are answered as before
    return503OnClosing: false,
    requestTimeout: 10_000,
    frameworkErrors: answerUnroutable(guarded),
    bodyLimit,
  });
  app.addHook("onRequest", async (request, reply) => {
    // the parser goes on with what it has read of a connection that was destroyed
    if (request.raw.socket.destroyed) return reply.hijack();
    return void reply.headers(answerHeaders);
  });
  addGuard(app, guarded);
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (isLeaving()) reply.header("connection", "close");
    done();
  });
  app.setNotFoundHandler((request, reply) => reply.code(404).send({ error: `there is no ${request.method} ${request.url}` }));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const code = error.statusCode ?? 500;
    if (code >= 500) onFailed({ url: request.url, reason: messageOf(error) });
    return reply.code(code).send({ error: code >= 500 ? "internal error" : error.message });
  });
  return app;
};
