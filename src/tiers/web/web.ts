/** The web tier: a page that shows the fleet live and chats through a gateway. No other tier needs it. */
import { EventStream } from "../../http/event-stream.ts";
import { pageHeaders } from "../../http/headers.ts";
import { servePage } from "../../http/page-files.ts";
import { nameOfAuthority } from "../../http/rule.cjs";
import type { Address } from "../../http/server.ts";
import { HttpServer } from "../../http/server.ts";
import { portSteps } from "../../http/steps.ts";
import { Registry } from "../../registry/registry.ts";
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import { listenPublished } from "../listen.ts";
import { portAdvice, webPort, webSettings } from "../settings.ts";
import { FleetFeed } from "./fleet-feed.ts";

export interface WebOptions extends Partial<ServiceOptions> {
  /** Default `SG_WEB_PORT`, else 8090; 0 picks a free one. */
  readonly port?: number;
  /** The address to listen on. Default `SG_HTTP_HOST`, else 127.0.0.1. */
  readonly host?: string;
}

/** Besides its own server, the page reaches gateways on this machine and under the name that the page was opened by. */
const headersFor = (authority: string | undefined): Readonly<Record<string, string>> => {
  const name = nameOfAuthority(authority);
  // a content security policy has no IPv6 addresses
  const own = name === undefined || name.startsWith("[") ? [] : [`ws://${name}:*`, `wss://${name}:*`];
  return pageHeaders({ connect: ["ws://127.0.0.1:*", "ws://localhost:*", ...own] });
};

export class WebService extends StargazerService {
  readonly #host: string;
  readonly #port: number;
  readonly #allowedHosts: readonly string[];
  readonly #feed = new FleetFeed();
  #http: Address | undefined;

  constructor({ port, host, ...options }: WebOptions = {}) {
    super({ serviceName: "web", ...options });
    const settings = webSettings({ port, host, allowedHosts: options.allowedHosts });
    this.#allowedHosts = settings.allowedHosts;
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
      const { signal, log, defer } = context;
      const address = { host: this.#host, port: this.#port, advice: portAdvice(webPort), steps: portSteps() };
      const http = await HttpServer.create({ ...address, allowedHosts: this.#allowedHosts, signal, log, headers: headersFor });
      defer(() => http.close());
      await this.#addRoutes(http, context);
      this.#http = await listenPublished(http);
    });
  }

  protected async run({ redis, signal, log }: HookContext): Promise<void> {
    await this.#feed.run(redis, { signal, log });
  }

  protected onStop(): void {}

  async #addRoutes({ app }: HttpServer, { redis, signal }: HookContext): Promise<void> {
    await servePage(app, "tiers/web");
    app.get("/api/fleet", async (_request, reply) => {
      try {
        return await new Registry(redis).list(undefined, { signal });
      } catch {
        return reply.code(503).send({ error: "the registry cannot be read" });
      }
    });
    app.get("/api/fleet/events", (_request, reply) => {
      const stream = new EventStream(reply, { signal, onClose: () => unsubscribe() });
      const unsubscribe = this.#feed.subscribe((data) => stream.send({ data }));
    });
  }
}
