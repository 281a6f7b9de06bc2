/** The inspector page of one service, on loopback. It keeps no process alive and delays no stop of the service. */
import { randomBytes } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ChartName } from "../charts/charts.ts";
import { drawChart } from "../drawing/draw.ts";
import { chartStyle } from "../drawing/style.ts";
import { messageOf } from "../errors.ts";
import { pageHeaders } from "../http/headers.ts";
import { servePage } from "../http/page-files.ts";
import { HttpServer } from "../http/server.ts";
import { createToken } from "../http/token.ts";
import { silentLogger } from "../logger.ts";
import type { StargazerService } from "../service/service.ts";
import { keepAddress, lastAddress } from "./last-address.ts";
import type { DrawnChart, InspectorCommand } from "./picture.ts";
import { allowedCommands, chartStates, inspectorCommands, pictureOf, shutdownReason } from "./picture.ts";
import type { Recorder } from "./recorder.ts";
import { PageStreams } from "./streams.ts";

export interface InspectorServerOptions {
  readonly service: StargazerService;
  /** The server stops it. */
  readonly recorder: Recorder;
  /** default 0: a free one */
  readonly port?: number;
  /** Whether it listens where the last inspector of the service did, with the token of that one. Default false. */
  readonly keepsAddress?: boolean;
}

/** ports after the last one that are tried where that is taken */
const addressSteps = 20;

/** ms for requests under way when the inspector closes */
const graceMs = 300;
const host = "127.0.0.1";

/** Inline styles are forbidden in the page, which has this one as a file. */
const unstyled = (svg: string): string => svg.replace(`<style>${chartStyle}</style>`, "");

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const isCommand = (name: string): name is InspectorCommand => inspectorCommands.includes(name as InspectorCommand);

export class InspectorServer {
  readonly #service: StargazerService;
  readonly #recorder: Recorder;
  readonly #http: HttpServer;
  readonly #streams: PageStreams;
  readonly #token: string;
  readonly #closing: AbortController;
  #port = 0;

  private constructor(http: HttpServer, token: string, closing: AbortController, { service, recorder }: InspectorServerOptions) {
    this.#http = http;
    this.#token = token;
    this.#closing = closing;
    this.#service = service;
    this.#recorder = recorder;
    this.#streams = new PageStreams({
      session: randomBytes(6).toString("hex"),
      after: (seq) => recorder.after(seq),
      get newest() {
        return recorder.newest;
      },
      states: chartStates,
      picture: () => pictureOf(service, recorder),
    });
  }

  /** Resolves when it listens. Rejects with `SG_ERR_START_FAILED` where the port is taken; then the recorder has stopped. */
  static async open(options: InspectorServerOptions): Promise<InspectorServer> {
    const { service, port = 0, keepsAddress = false } = options;
    const closing = new AbortController();
    const last = keepsAddress ? lastAddress(service.serviceName) : undefined;
    const token = last?.token ?? createToken();
    const http = await HttpServer.create({
      host,
      port: port === 0 ? (last?.port ?? 0) : port,
      steps: port === 0 && last !== undefined ? addressSteps : 0,
      advice: "Name another port for the inspector, or none to get a free one.",
      signal: closing.signal,
      log: silentLogger,
      origins: "same",
      token,
      headers: () => pageHeaders(),
      keepsProcess: false,
      bodyLimit: 1024,
      graceMs,
    });
    const server = new InspectorServer(http, token, closing, options);
    try {
      await server.#addRoutes();
      ({ port: server.#port } = await http.listen());
      if (keepsAddress) keepAddress(service.serviceName, { port: server.#port, token });
      server.#follow();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /**
   * The link to open. Its fragment has the token of this inspector, without which nothing is read or commanded. It is no fleet's
   * token, because this process prints it, and what a process prints may be kept.
   */
  get url(): string {
    return `http://${host}:${this.#port}/#${this.#token}`;
  }

  /** Sends the last picture to each page and resolves when nothing is left, within 600 ms. Never rejects; legal any number of times. */
  close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#streams.end();
      this.#recorder.stop();
    }
    return this.#http.close();
  }

  /** Until the service's last fact, which may have been emitted while the server opened. */
  #follow(): void {
    this.#recorder.onChange((record) => {
      this.#streams.publish(record);
      if (record?.kind === "fact" && record.fact.type === "stopped") void this.close();
    });
    if (this.#service.actor.getSnapshot().status !== "active") void this.close();
  }

  async #addRoutes(): Promise<void> {
    const { app } = this.#http;
    await servePage(app, "inspector");
    app.get("/chart/style.css", { config: { isOpen: true } }, (_request, reply) =>
      reply.type("text/css; charset=utf-8").send(chartStyle),
    );
    app.get("/favicon.ico", { config: { isOpen: true } }, (_request, reply) => reply.code(204).send());
    for (const name of Object.keys(chartStates) as DrawnChart[])
      app.get(`/chart/${name}`, async (_request, reply) => this.#draw(reply, name));
    app.get<{ Querystring: { after?: string } }>("/events", (request, reply) =>
      this.#streams.add(reply, first(request.headers["last-event-id"]) ?? first(request.query.after)),
    );
    app.post<{ Params: { name: string } }>("/command/:name", (request, reply) => this.#command(request, reply));
  }

  async #draw(reply: FastifyReply, name: ChartName): Promise<FastifyReply> {
    try {
      return reply.type("image/svg+xml; charset=utf-8").send(unstyled(await drawChart(name)));
    } catch (error) {
      return reply.code(500).send({ error: `the chart could not be drawn: ${messageOf(error)}` });
    }
  }

  /** Sends what the chart allows now; another command is recorded as refused. */
  #command(request: FastifyRequest<{ Params: { name: string } }>, reply: FastifyReply): FastifyReply {
    const { name } = request.params;
    if (!isCommand(name)) return reply.code(404).send({ error: `there is no command ${JSON.stringify(name)}` });
    const allowed = allowedCommands(this.#service.actor.getSnapshot());
    if (allowed.includes(name)) {
      void (name === "run" ? this.#service.runToCompletion() : this.#service.shutdown(shutdownReason));
      return reply.code(202).send({ accepted: name });
    }
    const { path } = this.#service.status();
    this.#recorder.add({ kind: "refused", machine: "lifecycle", event: name, word: name, from: path });
    return reply.code(409).send({ error: `${name} is not allowed in '${path}'. Allowed: ${allowed.join(", ") || "nothing"}.` });
  }
}
