/** The page: the fleet live, and the chat. It holds nothing that the fleet needs. */
import type { FastifyReply } from "fastify";
import { streamEvents } from "../../http/event-stream.ts";
import type { Address } from "../../http/server.ts";
import { TierHttp } from "../../http/server.ts";
import { nameOfAuthority } from "../../loopback.ts";
import { Registry } from "../../registry/registry.ts";
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import { webSettings } from "../settings.ts";
import { FleetFeed } from "./fleet-feed.ts";
import { html } from "./page/html.ts";
import { script } from "./page/script.ts";
import { style } from "./page/style.ts";

export interface WebOptions extends Partial<ServiceOptions> {
  /** Default `SG_WEB_PORT`, else 8090; 0 picks a free one. */
  readonly port?: number;
  /** Default `SG_HTTP_HOST`, else 127.0.0.1. */
  readonly host?: string;
}

/** Nothing but our own files, and a WebSocket to a gateway on this machine or under the page's own name. */
const policyFor = (authority: string | undefined): string => {
  const name = nameOfAuthority(authority);
  const own = name === undefined || name.startsWith("[") ? "" : ` ws://${name}:* wss://${name}:*`;
  const connect = `connect-src 'self' ws://127.0.0.1:* ws://localhost:*${own}`;
  const rest = "script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return `default-src 'none'; ${connect}; ${rest}`;
};

const headersFor = (authority: string | undefined): Record<string, string> => ({
  "content-security-policy": policyFor(authority),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-cache",
});

const files = [
  { path: "/", type: "text/html", text: html },
  { path: "/app.js", type: "text/javascript", text: script },
  { path: "/style.css", type: "text/css", text: style },
] as const;

export class WebService extends StargazerService {
  readonly #host: string;
  readonly #port: number;
  readonly #feed = new FleetFeed();
  #http: Address | undefined;

  constructor({ port, host, ...options }: WebOptions = {}) {
    super({ serviceName: "web", ...options });
    const settings = webSettings({ port, host });
    this.#port = settings.port;
    this.#host = settings.host;
  }

  /** Where it listens; undefined before it does. */
  get http(): Address | undefined {
    return this.#http;
  }

  protected override describe(): Record<string, unknown> {
    return this.#http === undefined ? {} : { http: this.#http };
  }

  protected async onStart(context: HookContext): Promise<void> {
    await context.phase("http", async () => {
      const server = { host: this.#host, port: this.#port, portVariable: "SG_WEB_PORT" };
      const http = await TierHttp.create({ ...server, leaving: context.signal, log: context.log });
      context.defer(() => http.close());
      this.#addRoutes(http, context);
      this.#http = await http.listen();
    });
  }

  protected async run({ redis, signal, log }: HookContext): Promise<void> {
    await this.#feed.run(redis, { signal, log });
  }

  protected onStop(): void {}

  #addRoutes({ app }: TierHttp, { redis, signal }: HookContext): void {
    app.addHook("onRequest", async (request, reply) => void reply.headers(headersFor(request.headers.host)));
    for (const { path, type, text } of files) {
      app.get(path, (_request, reply: FastifyReply) => reply.type(`${type}; charset=utf-8`).send(text));
    }
    app.get("/api/fleet", async (_request, reply) => {
      try {
        return await new Registry(redis).list(undefined, { signal });
      } catch {
        return reply.code(503).send({ error: "the registry cannot be read" });
      }
    });
    app.get("/api/fleet/events", (request, reply) => {
      reply.hijack();
      const headers = headersFor(request.headers.host);
      streamEvents(reply.raw, { signal, headers, begin: (send) => this.#feed.follow(send) });
    });
  }
}
