/** An HTTP server on one port: Fastify, the guard, the headers, and an end with a deadline. */
import type { AddressInfo, Server } from "node:net";
import type { FastifyInstance } from "fastify";
import { allowedHostsFromEnvironment } from "../allowed-hosts.ts";
import { messageOf, StargazerError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { until } from "../until.ts";
import { createApp } from "./app.ts";
import { Connections } from "./connections.cjs";
import type { Origins } from "./guard.ts";
import { portProblem } from "./port-problem.ts";
import { listenFrom } from "./steps.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a server listens, and which ports before that one were taken. */
export interface ListeningAddress extends Address {
  readonly taken: readonly number[];
}

export interface HttpServerOptions extends Address {
  /** what to do about a port that cannot be listened on; ends the error's message */
  readonly advice: string;
  /** how many ports after `port` are tried where it is taken; default 0 */
  readonly steps?: number;
  /** Aborts before the server closes: from then on each answer is the last on its connection, and `listen` rejects. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** names under which it answers, beside IP addresses, `localhost`, `host` and the machine's own; default `SG_ALLOWED_HOSTS` */
  readonly allowedHosts?: readonly string[];
  /** whose pages may send requests; default those of the same site and of this machine */
  readonly origins?: Origins;
  /** the secret that requests have to carry, those for the files of a page excepted; default none, and no request needs any */
  readonly token?: string | undefined;
  /** headers of each answer beside those of every server, by the Host header of its request; default none */
  readonly headers?: (host: string | undefined) => Readonly<Record<string, string>>;
  /** whether the server and its connections keep the process alive; default true */
  readonly keepsProcess?: boolean;
  /** bytes that the body of a request may have; default 65536 */
  readonly bodyLimit?: number;
  /** ms for requests under way when the server closes; default 1500 */
  readonly graceMs?: number;
}

const defaults = { origins: [], headers: () => ({}), keepsProcess: true, bodyLimit: 65_536, graceMs: 1500, steps: 0 } as const;

/** Not by its name, which may lead a client to another address, and to another server there. */
const addressOf = (server: Server): Address => {
  const { address: host, port } = server.address() as AddressInfo;
  return { host, port };
};

/** Listens once and closes once. */
export class HttpServer {
  /** for routes, hooks and plugins; before `listen` */
  readonly app: FastifyInstance;
  readonly #options: HttpServerOptions & typeof defaults;
  readonly #connections: InstanceType<typeof Connections>;
  readonly #closed = new AbortController();
  /** Aborts when it may no longer listen. */
  readonly #ending: AbortSignal;
  #closing: Promise<void> | undefined;

  private constructor(app: FastifyInstance, options: HttpServerOptions & typeof defaults) {
    this.app = app;
    this.#options = options;
    this.#connections = new Connections(app.server);
    this.#ending = AbortSignal.any([options.signal, this.#closed.signal]);
    if (!options.keepsProcess) app.server.unref().on("connection", (socket) => socket.unref());
    app.addHook("onRequest", async (request, reply) => void reply.headers(options.headers(request.headers.host)));
  }

  /** Resolves with a server that takes routes and does not listen yet. Loads Fastify. */
  static async create(given: HttpServerOptions): Promise<HttpServer> {
    const options = { ...defaults, ...given } as HttpServerOptions & typeof defaults;
    const { host, origins, token, bodyLimit, signal, log } = options;
    const { allowedHosts = allowedHostsFromEnvironment() } = options;
    const onFailed = (failure: object) => log.error({ type: "http.failed", ...failure });
    const guarded = { host, allowedHosts, origins, token };
    return new HttpServer(await createApp({ ...guarded, bodyLimit, isLeaving: () => signal.aborted, onFailed }), options);
  }

  /**
   * Resolves with the address once it listens. Rejects with `SG_ERR_START_FAILED`, also where it has been closed before or meanwhile,
   * or with the signal's reason.
   */
  async listen(): Promise<ListeningAddress> {
    const { log } = this.#options;
    this.#ending.throwIfAborted();
    await this.app.ready();
    this.#ending.throwIfAborted();
    const { result, taken } = await listenFrom(this.#options, (port) => this.#listenOn(port));
    this.app.server.on("error", (error) => log.warn({ type: "http.server.failed", reason: messageOf(error) }));
    return { ...result, taken };
  }

  #listenOn(port: number): Promise<Address> {
    const { host } = this.#options;
    const { server } = this.app;
    const ending = this.#ending;
    return new Promise((resolve, reject) => {
      const end = () => reject(ending.reason);
      const refuse = (error: NodeJS.ErrnoException) => {
        server.off("listening", accept);
        ending.removeEventListener("abort", end);
        reject(this.#refusal(error, port));
      };
      const accept = () => {
        server.off("error", refuse);
        ending.removeEventListener("abort", end);
        // a host name is resolved first, which not every version of Node cancels
        if (ending.aborted) server.close();
        else resolve(addressOf(server));
      };
      ending.addEventListener("abort", end, { once: true });
      server.once("error", refuse).once("listening", accept).listen({ host, port, exclusive: true });
    });
  }

  /**
   * Resolves when the port is free and no connection is left. Connections in the backlog are accepted first; requests under way are
   * answered within `graceMs`, then every socket is destroyed. Legal in any state; each call returns the same promise. Never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    this.#closed.abort(new StargazerError("SG_ERR_START_FAILED", "the server has been closed"));
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { graceMs, log } = this.#options;
    const closed = this.#connections
      .end(() => this.app.close())
      .catch((error: unknown) => log.warn({ type: "http.close.failed", reason: messageOf(error) }));
    const within = (ms: number) =>
      until(closed, { signal: AbortSignal.timeout(ms), what: "the server to close" }).catch(() => {});
    await within(graceMs);
    this.#connections.destroy();
    await within(graceMs);
  }

  #refusal(error: NodeJS.ErrnoException, port: number): StargazerError {
    const { host, advice } = this.#options;
    const problem = error.code === "EADDRINUSE" ? "is taken" : `cannot be listened on: ${portProblem(error, host).clause}`;
    return new StargazerError("SG_ERR_START_FAILED", `port ${port} on ${host} ${problem}. ${advice}`, { cause: error });
  }
}
