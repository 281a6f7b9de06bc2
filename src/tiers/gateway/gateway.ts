/** The gateway tier: holds the platforms' connections, writes their messages to the inbound stream, delivers the answers. */
import { randomUUID } from "node:crypto";
import type { HttpServer } from "../../http/server.ts";
import type { HookContext } from "../../service/types.ts";
import { LaneConsumer } from "../../streams/consumer.ts";
import type { HttpTierOptions, Shell } from "../http-tier.ts";
import { HttpTier } from "../http-tier.ts";
import { parseOutbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import { submit } from "../messages/producer.ts";
import { gatewaySettings, webOrigins } from "../settings.ts";
import type { PlatformAdapter, PlatformHost, PlatformMessage } from "./platform.ts";
import { Webchat } from "./webchat.ts";

export interface GatewayOptions extends HttpTierOptions {
  /** The chat networks that it serves. Default: webchat alone. */
  readonly platforms?: readonly PlatformAdapter[];
}

export class GatewayService extends HttpTier {
  readonly #platforms: readonly PlatformAdapter[];

  constructor({ platforms, ...options }: GatewayOptions = {}) {
    super("gateway", gatewaySettings, options);
    this.#platforms = platforms ?? [new Webchat()];
  }

  protected override shell(): Shell {
    return { origins: webOrigins() };
  }

  protected override async addRoutes(http: HttpServer, context: HookContext): Promise<void> {
    for (const platform of this.#platforms) {
      await context.phase(platform.platform, () => platform.open(this.#hostOf(platform, http, context)));
    }
  }

  /** Delivers answers, each platform from a stream of its own. */
  protected async run({ redis, signal, log, spawn }: HookContext): Promise<void> {
    await Promise.all(
      this.#platforms.map((platform) =>
        new LaneConsumer({
          redis,
          log,
          stream: messageKeys(redis).outbound(platform.platform),
          group: `sg:gateway:${platform.platform}`,
          laneFields: ["channel"],
          parse: parseOutbound,
          handle: async (message) => {
            await platform.deliver(message);
            return undefined;
          },
        }).run({ signal, spawn }),
      ),
    );
  }

  #hostOf({ platform }: PlatformAdapter, { app }: HttpServer, { redis, log, defer }: HookContext): PlatformHost {
    const accept = async (message: PlatformMessage): Promise<string> => {
      const id = randomUUID();
      await submit(redis, { id, platform, ...message, at: Date.now() });
      return id;
    };
    return { app, redis, log, defer, accept };
  }
}
