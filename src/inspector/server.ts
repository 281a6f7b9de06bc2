/** The inspector page of one service, on loopback. It never holds the process, nor the service's stop. */
import { randomBytes } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ChartName } from "../charts/charts.ts";
import { until } from "../clock.ts";
import { drawChart } from "../drawing/draw.ts";
import { chartStyle } from "../drawing/style.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { createToken, isToken, lookRefusal } from "../http/guard.ts";
import type { StargazerService } from "../service/service.ts";
import { readPageFiles } from "./page-files.ts";
import type { InspectorCommand } from "./picture.ts";
import { allowedCommands, inspectorCommands, pictureOf } from "./picture.ts";
import type { Recorder } from "./recorder.ts";
import { PageStreams } from "./streams.ts";

export interface InspectorServerOptions {
  readonly service: StargazerService;
  /** the server's to stop */
  readonly recorder: Recorder;
  /** default 0: a free one */
  readonly port?: number;
}

/** what polite closing may take before the sockets are cut */
const politeMs = 300;
const loopback = "127.0.0.1";
const reason = "asked for in the inspector";

/** Nothing but our own files; a style is a file too. */
const headers: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

const unwanted = (): never => {
  throw new StargazerError("SG_ERR_INTERNAL", "no route of the inspector may have a schema");
};

/** Inline styles are forbidden in the page; it has this one as a file. */
const unstyled = (svg: string): string => svg.replace(`<style>${chartStyle}</style>`, "");

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const isCommand = (name: string): name is InspectorCommand => inspectorCommands.includes(name as InspectorCommand);

export class InspectorServer {
  readonly #service: StargazerService;
  readonly #recorder: Recorder;
  readonly #app: FastifyInstance;
  readonly #streams: PageStreams;
  readonly #token = createToken();
  readonly #sockets = new Set<Socket>();
  #closing: Promise<void> | undefined;

  private constructor(app: FastifyInstance, { service, recorder }: InspectorServerOptions) {
    this.#app = app;
    this.#service = service;
    this.#recorder = recorder;
    this.#streams = new PageStreams({
      session: randomBytes(6).toString("hex"),
      after: (seq) => recorder.after(seq),
      get newest() {
        return recorder.newest;
      },
      picture: () => pictureOf(service, recorder),
    });
  }

  /** Resolves when it listens. Rejects with `SG_ERR_CONFIG_INVALID` where the port is taken; then the recorder has stopped. */
  static async open(options: InspectorServerOptions): Promise<InspectorServer> {
    const { fastify } = await import("fastify");
    const compilersFactory = { buildValidator: unwanted, buildSerializer: unwanted };
    const app = fastify({ schemaController: { compilersFactory }, requestTimeout: 10_000, bodyLimit: 1024 });
    const server = new InspectorServer(app, options);
    await server.#addRoutes();
    await server.#listen(options.port ?? 0);
    return server;
  }

  /** With the right to command in its fragment. */
  get url(): string {
    const { port } = this.#app.server.address() as AddressInfo;
    return `http://${loopback}:${port}/#${this.#token}`;
  }

  /** Sends the pages the last picture and resolves when nothing is left, within 300 ms. Never rejects; legal any number of times. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#streams.end();
    this.#recorder.stop();
    const closed = this.#app.close();
    const cut = setTimeout(() => this.#cut(), politeMs);
    cut.unref();
    await until(AbortSignal.timeout(2 * politeMs), closed).catch(() => {});
    clearTimeout(cut);
    this.#cut();
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(port: number): Promise<void> {
    const { server } = this.#app;
    server.on("connection", (socket) => {
      socket.unref();
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    try {
      await this.#app.listen({ host: loopback, port, listenTextResolver: () => "" });
    } catch (cause) {
      await this.close();
      const message = `the inspector could not listen on ${loopback}:${port}: ${messageOf(cause)}. Leave the port out to get a free one.`;
      throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
    }
    server.unref();
    this.#follow();
  }

  /** Until the service's last fact, which may have come while the server opened. */
  #follow(): void {
    this.#recorder.onChange((record) => {
      this.#streams.tell(record);
      if (record?.kind === "fact" && record.fact.type === "stopped") void this.close();
    });
    if (this.#service.actor.getSnapshot().status !== "active") void this.close();
  }

  async #addRoutes(): Promise<void> {
    const app = this.#app;
    const files = await readPageFiles();
    app.addHook("onRequest", async (request, reply) => {
      reply.headers(headers);
      const refusal = lookRefusal(request.headers);
      if (refusal !== undefined) return reply.code(421).send({ error: refusal });
    });
    app.get("/", (_request, reply) => this.#send(reply, files.get("index.html")));
    for (const [name, file] of files) app.get(`/page/${name}`, (_request, reply) => this.#send(reply, file));
    app.get("/chart/style.css", (_request, reply) => reply.type("text/css; charset=utf-8").send(chartStyle));
    app.get("/favicon.ico", (_request, reply) => reply.code(204).send());
    for (const name of ["lifecycle", "lease"] as const)
      app.get(`/chart/${name}`, async (_request, reply) => this.#draw(reply, name));
    app.get<{ Querystring: { after?: string } }>("/events", (request, reply) => {
      reply.hijack();
      this.#streams.add(reply.raw, one(request.headers["last-event-id"]) ?? one(request.query.after), headers);
    });
    app.post<{ Params: { name: string } }>("/command/:name", (request, reply) => this.#command(request, reply));
    app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "there is nothing here" }));
  }

  #send(reply: FastifyReply, file: { readonly type: string; readonly bytes: Buffer } | undefined): FastifyReply {
    return file === undefined ? reply.code(404).send({ error: "there is nothing here" }) : reply.type(file.type).send(file.bytes);
  }

  async #draw(reply: FastifyReply, name: ChartName): Promise<FastifyReply> {
    try {
      return reply.type("image/svg+xml; charset=utf-8").send(unstyled(await drawChart(name)));
    } catch (error) {
      return reply.code(500).send({ error: `the chart could not be drawn: ${messageOf(error)}` });
    }
  }

  /** Only what the chart allows now; what it does not is shown as refused. */
  #command(request: FastifyRequest<{ Params: { name: string } }>, reply: FastifyReply): FastifyReply {
    const { name } = request.params;
    if (!isToken(this.#token, { token: one(request.headers["x-stargazer-token"]) })) {
      return reply.code(403).send({ error: "open the page by the link that was printed: it carries the right to command" });
    }
    if (!isCommand(name)) return reply.code(404).send({ error: `there is no command ${JSON.stringify(name)}` });
    const allowed = allowedCommands(this.#service.actor.getSnapshot());
    if (allowed.includes(name)) {
      void (name === "run" ? this.#service.runToCompletion() : this.#service.shutdown(reason));
      return reply.code(202).send({ accepted: name });
    }
    const { path } = this.#service.status();
    this.#recorder.note({ kind: "refused", machine: "lifecycle", event: name, word: name, from: path });
    const error = `'${name}' has no arrow in '${path}'; allowed there: ${allowed.join(", ") || "nothing"}`;
    return reply.code(409).send({ error });
  }
}
