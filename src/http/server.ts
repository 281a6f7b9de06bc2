/** The HTTP server of a tier that talks to browsers: Fastify, loaded when it is opened, closed politely and then by force. */
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance } from "fastify";
import { until } from "../clock.ts";
import { messageOf, StargazerError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { isLoopback, nameOfAuthority } from "../loopback.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface HttpOptions extends Address {
  /** the variable that names the port, for the way out of a port that is taken */
  readonly portVariable: string;
  /** once it has aborted, every answer is the last on its connection */
  readonly leaving: AbortSignal;
  readonly log: Logger;
}

/** what polite closing may take before the sockets are cut */
const politeMs = 1500;

const unwanted = (): never => {
  throw new StargazerError("SG_ERR_INTERNAL", "no route of a tier may have a schema");
};

/** Fastify's own compilers would load ajv, which is most of its boot time. */
const compilersFactory = { buildValidator: unwanted, buildSerializer: unwanted };

export class TierHttp {
  readonly app: FastifyInstance;
  readonly #options: HttpOptions;
  readonly #sockets = new Set<Socket>();

  private constructor(app: FastifyInstance, options: HttpOptions) {
    this.app = app;
    this.#options = options;
    app.server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#addAnswers();
  }

  /** A server that takes routes and does not listen yet. */
  static async create(options: HttpOptions): Promise<TierHttp> {
    const { fastify } = await import("fastify");
    const app = fastify({
      schemaController: { compilersFactory },
      return503OnClosing: false,
      requestTimeout: 10_000,
      bodyLimit: 65_536,
    });
    return new TierHttp(app, options);
  }

  /** Resolves with the address it listens on. Rejects with SG_ERR_START_FAILED, naming the way out. */
  async listen(): Promise<Address> {
    const { host, port, portVariable } = this.#options;
    try {
      await this.app.listen({ host, port, listenTextResolver: () => "" });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const what = code === "EADDRINUSE" ? "is taken" : `could not be opened: ${messageOf(error)}`;
      const message = `port ${port} on ${host} ${what}. Set ${portVariable} (0 picks a free one) or SG_HTTP_HOST.`;
      throw new StargazerError("SG_ERR_START_FAILED", message, { phase: "starting.http", cause: error });
    }
    const address = this.app.server.address();
    return { host, port: typeof address === "object" && address !== null ? address.port : port };
  }

  /** Takes no new connection, lets what is under way finish, and cuts what is left. Never rejects; legal at any time. */
  async close(): Promise<void> {
    const closed = this.app.close().then(
      () => {},
      (error: unknown) => this.#options.log.warn({ type: "http.close.failed", reason: messageOf(error) }),
    );
    await until(AbortSignal.timeout(politeMs), closed).catch(() => {});
    for (const socket of this.#sockets) socket.destroy();
    await until(AbortSignal.timeout(politeMs), closed).catch(() => {});
  }

  #addAnswers(): void {
    const { leaving, host, log } = this.#options;
    this.app.addHook("onRequest", async (request, reply) => {
      // a page elsewhere could have its own name point here, and would then read what only this machine may read
      if (!isLoopback(host) || isLoopback(nameOfAuthority(request.headers.host))) return;
      // an upgrade that is refused has no parser left that would end its connection
      reply.raw.once("finish", () => request.raw.socket.destroySoon());
      return reply.code(421).send({ error: "this server answers to its loopback name only" });
    });
    this.app.addHook("onSend", async (_request, reply) => {
      if (leaving.aborted) reply.header("connection", "close");
    });
    this.app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "there is nothing here" }));
    this.app.setErrorHandler((error: FastifyError, request, reply) => {
      const code = error.statusCode ?? 500;
      if (code >= 500) log.error({ type: "http.failed", url: request.url, reason: messageOf(error) });
      return reply.code(code).send({ error: code >= 500 ? "internal error" : error.message });
    });
  }
}
