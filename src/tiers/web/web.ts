/** The web tier: a page that shows the fleet live and chats through a gateway. No other tier needs it. */
import { EventStream } from "../../http/event-stream.ts";
import { pageHeaders } from "../../http/headers.ts";
import { servePage } from "../../http/page-files.ts";
import { nameOfAuthority } from "../../http/rule.cjs";
import type { HttpServer } from "../../http/server.ts";
import { Registry } from "../../registry/registry.ts";
import type { HookContext } from "../../service/types.ts";
import type { HttpTierOptions, Shell } from "../http-tier.ts";
import { HttpTier } from "../http-tier.ts";
import { isChatPublic, webSettings } from "../settings.ts";
import { FleetFeed } from "./fleet-feed.ts";

/** Besides its own server, the page reaches gateways on this machine and under the name that the page was opened by. */
const headersFor = (authority: string | undefined): Readonly<Record<string, string>> => {
  const name = nameOfAuthority(authority);
  // a content security policy has no IPv6 addresses
  const own = name === undefined || name.startsWith("[") ? [] : [`ws://${name}:*`, `wss://${name}:*`];
  return pageHeaders({ connect: ["ws://127.0.0.1:*", "ws://localhost:*", ...own] });
};

export class WebService extends HttpTier {
  readonly #feed = new FleetFeed();

  constructor(options: HttpTierOptions = {}) {
    super("web", webSettings, options);
  }

  protected override shell(): Shell {
    return { headers: headersFor };
  }

  protected async run({ redis, signal, log }: HookContext): Promise<void> {
    await this.#feed.run(redis, { signal, log });
  }

  protected override async addRoutes({ app }: HttpServer, { redis, signal }: HookContext): Promise<void> {
    await servePage(app, "tiers/web");
    app.get("/api/fleet", async (_request, reply) => {
      try {
        return await new Registry(redis).list(undefined, { signal });
      } catch {
        return reply.code(503).send({ error: "the registry cannot be read" });
      }
    });
    // what a page without the token is shown: where it may chat, if anybody may
    app.get("/api/gateways", { config: { isOpen: isChatPublic() } }, () => this.#feed.gateways);
    app.get<{ Querystring: { after?: unknown } }>("/api/fleet/events", ({ headers, query }, reply) => {
      const stream = new EventStream(reply, { signal, onClose: () => reader.end(), onDrain: () => reader.resume() });
      const after = headers["last-event-id"] ?? query.after;
      const reader = this.#feed.subscribe(stream, typeof after === "string" ? after : undefined);
    });
  }
}
