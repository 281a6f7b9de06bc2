/** The web tier: a page that shows the fleet live and chats through a gateway. No other tier needs it. */
import { lifecycleMachine } from "../../../machines/index.ts";
import { every } from "../../clock.ts";
import { tierMetrics } from "../../health/metrics.ts";
import { serveChart } from "../../http/chart-file.ts";
import { pageHeaders } from "../../http/headers.ts";
import { servePage } from "../../http/page-files.ts";
import { nameOfAuthority } from "../../http/rule.cjs";
import type { HttpServer } from "../../http/server.ts";
import { explain } from "../../instances/explain.ts";
import { FleetMemory } from "../../instances/memory.ts";
import type { RedisClient } from "../../redis/client.ts";
import { Registry } from "../../registry/registry.ts";
import type { HookContext } from "../../service/types.ts";
import type { HttpTierOptions, Shell } from "../http-tier.ts";
import { HttpTier } from "../http-tier.ts";
import { isChatPublic, webSettings } from "../settings.ts";
import { FleetFeed } from "./fleet-feed.ts";
import { FleetScrape } from "./fleet-scrape.ts";
import { Gateways } from "./gateways.ts";
import { readOverview } from "./overview.ts";
import { addFleetRoutes } from "./routes.ts";
import { timesOf } from "./times.ts";

/** Besides its own server, the page reaches gateways on this machine and under the name that the page was opened by. */
const headersFor = (authority: string | undefined): Readonly<Record<string, string>> => {
  const name = nameOfAuthority(authority);
  // a content security policy has no IPv6 addresses
  const own = name === undefined || name.startsWith("[") ? [] : [`ws://${name}:*`, `wss://${name}:*`];
  return pageHeaders({ connect: ["ws://127.0.0.1:*", "ws://localhost:*", ...own] });
};

const overviewMs = 2000;

export class WebService extends HttpTier {
  readonly #memory: FleetMemory;
  readonly #scrape: FleetScrape;
  readonly #gateways = new Gateways();
  readonly #feed = new FleetFeed();

  constructor(options: HttpTierOptions = {}) {
    const memory = new FleetMemory();
    const scrape = new FleetScrape(memory);
    super("web", webSettings, { ...options, [tierMetrics]: scrape });
    this.#memory = memory;
    this.#scrape = scrape;
  }

  protected override shell(): Shell {
    return { headers: headersFor };
  }

  protected async run({ redis, signal, log }: HookContext): Promise<void> {
    this.#memory.onChange((event) => {
      if (event?.type === "stale") this.#feed.explain(event.message);
      else if (event !== undefined && event.type !== "synced" && this.#gateways.take(event))
        this.#feed.put("gateways", { type: "gateways", gateways: this.#gateways.list });
    });
    this.#feed.follow(this.#memory, signal);
    this.#scrape.begin(redis);
    const end = every(overviewMs, () => void this.#overview(redis));
    await this.#memory.run(redis, { signal, log });
    end();
  }

  async #overview(redis: RedisClient): Promise<void> {
    if (!this.#feed.hasReaders) return;
    try {
      this.#feed.put("overview", {
        type: "overview",
        overview: { ...(await readOverview(redis, this.#gateways.platforms)), times: timesOf(this.#memory.model.rows()) },
      });
    } catch {
      // an outage is in the `condition` of the feed
    }
  }

  protected override async addRoutes({ app }: HttpServer, { redis, signal }: HookContext): Promise<void> {
    await servePage(app, "tiers/web");
    serveChart(app, lifecycleMachine.id);
    app.get("/api/fleet", async (_request, reply) => {
      try {
        return await new Registry(redis).list(undefined, { signal });
      } catch {
        return reply.code(503).send({ error: "the registry cannot be read" });
      }
    });
    // where the chat is public, a page without the token gets the addresses of the gateways
    app.get("/api/gateways", { config: { isOpen: isChatPublic() } }, () => this.#gateways.addresses);
    const row = (name: string) => this.#memory.model.row(name);
    addFleetRoutes(app, { feed: this.#feed, row, explain: (of) => explain(of, this.#memory.now()), signal });
  }
}
