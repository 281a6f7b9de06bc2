/** The gateway tier: holds the platforms' connections, writes their messages to the inbound stream, delivers the answers. */
import { randomUUID } from "node:crypto";
import type { Address } from "../../http/server.ts";
import { HttpServer } from "../../http/server.ts";
import { portSteps } from "../../http/steps.ts";
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import { StreamConsumer } from "../../streams/consumer.ts";
import { listenPublished } from "../listen.ts";
import { parseOutbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import { submit } from "../messages/producer.ts";
import { gatewayPort, gatewaySettings, portAdvice, webOrigins } from "../settings.ts";
import type { PlatformAdapter, PlatformHost, PlatformMessage } from "./platform.ts";
import { Webchat } from "./webchat.ts";

export interface GatewayOptions extends Partial<ServiceOptions> {
  /** Default `SG_GATEWAY_PORT`, else 8080; 0 picks a free one. */
  readonly port?: number;
  /** The address to listen on. Default `SG_HTTP_HOST`, else 127.0.0.1. */
  readonly host?: string;
  /** The chat networks that it serves. Default: webchat alone. */
  readonly platforms?: readonly PlatformAdapter[];
}

export class GatewayService extends StargazerService {
  readonly #host: string;
  readonly #port: number;
  readonly #allowedHosts: readonly string[];
  readonly #platforms: readonly PlatformAdapter[];
  #http: Address | undefined;

  constructor({ port, host, platforms, ...options }: GatewayOptions = {}) {
    super({ serviceName: "gateway", ...options });
    const settings = gatewaySettings({ port, host, allowedHosts: options.allowedHosts });
    this.#allowedHosts = settings.allowedHosts;
    this.#port = settings.port;
    this.#host = settings.host;
    this.#platforms = platforms ?? [new Webchat()];
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
      const address = { host: this.#host, port: this.#port, advice: portAdvice(gatewayPort), steps: portSteps() };
      const http = await HttpServer.create({ ...address, allowedHosts: this.#allowedHosts, origins: webOrigins(), signal, log });
      defer(() => http.close());
      for (const platform of this.#platforms) {
        await context.phase(platform.platform, () => platform.open(this.#hostOf(platform, http, context)));
      }
      this.#http = await listenPublished(http);
    });
  }

  /** Delivers answers, each platform from a stream of its own. */
  protected async run({ redis, signal, log }: HookContext): Promise<void> {
    await Promise.all(
      this.#platforms.map((platform) =>
        new StreamConsumer({
          redis,
          log,
          stream: messageKeys(redis).outbound(platform.platform),
          group: `sg:gateway:${platform.platform}`,
          consumer: this.instanceId,
          parse: parseOutbound,
          laneOf: ({ channel }) => channel,
          handle: (message) => platform.deliver(message),
        }).run({ signal }),
      ),
    );
  }

  protected onStop(): void {}

  #hostOf({ platform }: PlatformAdapter, { app }: HttpServer, { redis, log, defer }: HookContext): PlatformHost {
    const accept = async (message: PlatformMessage): Promise<string> => {
      const id = randomUUID();
      await submit(redis, { id, platform, ...message, at: Date.now() });
      return id;
    };
    return { app, redis, log, defer, accept };
  }
}
