/** The gateway tier: holds the platforms' connections, accepts their messages for the workers, delivers the answers. */
import { randomUUID } from "node:crypto";
import { tierMetrics } from "../../health/metrics.ts";
import type { HttpServer } from "../../http/server.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { HookContext } from "../../service/types.ts";
import { LaneConsumer } from "../../streams/consumer.ts";
import type { Watched } from "../../streams/stream-state.ts";
import type { Retention } from "../../streams/trim.ts";
import { keepTrimmed } from "../../streams/trim.ts";
import type { HttpTierOptions, Shell } from "../http-tier.ts";
import { HttpTier } from "../http-tier.ts";
import type { AcceptOptions } from "../messages/accept.ts";
import { accept } from "../messages/accept.ts";
import type { Outbound } from "../messages/envelope.ts";
import { parseOutbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import { carrying, traced } from "../messages/traced.ts";
import type { XmppSettings } from "../settings.ts";
import { gatewaySettings, webOrigins, xmppSettings } from "../settings.ts";
import { StreamWatch } from "../stream-watch.ts";
import type { PlatformAdapter, PlatformHost, PlatformMessage } from "./platform.ts";
import { Webchat } from "./webchat.ts";

/** The group of the gateways that deliver the answers of a platform that is pushed to. */
const groupOf = (platform: string): string => `sg:gateway:${platform}`;
/** ms for which answers stay in their outbound stream, and how many at most; the logs have them far longer */
const deliveredMs = 600_000;
const maxDelivered = 100_000;

export interface GatewayOptions extends HttpTierOptions {
  /** The chat networks that it serves. Default: webchat, and XMPP where `XMPP_JID` is set. */
  readonly platforms?: readonly PlatformAdapter[];
}

export class GatewayService extends HttpTier {
  #platforms: readonly PlatformAdapter[];
  readonly #watch: StreamWatch;
  readonly #xmpp: XmppSettings | undefined;

  constructor({ platforms, ...options }: GatewayOptions = {}) {
    const watch = new StreamWatch();
    super("gateway", gatewaySettings, { ...options, [tierMetrics]: watch });
    this.#watch = watch;
    this.#xmpp = platforms === undefined ? xmppSettings() : undefined;
    this.#platforms = platforms ?? [new Webchat()];
  }

  protected override shell(): Shell {
    return { origins: webOrigins() };
  }

  protected override async addRoutes(http: HttpServer, context: HookContext): Promise<void> {
    if (this.#xmpp !== undefined) this.#platforms = [...this.#platforms, new (await import("./xmpp.ts")).Xmpp(this.#xmpp)];
    for (const platform of this.#platforms) {
      await context.phase(platform.platform, () => platform.open(this.#hostOf(platform, http, context)));
    }
  }

  /** Its address, and its platforms. */
  protected override describe(): Record<string, unknown> {
    return { ...super.describe(), platforms: this.#platforms.map(({ platform }) => platform) };
  }

  /** Delivers the answers of the platforms that are pushed to, each from a stream of its own, and serves the others, until `stopping`. */
  protected async run(context: HookContext): Promise<void> {
    const { redis, log, signal, stopping, spawn } = context;
    const retentions = this.#platforms.map((platform) => this.#retentionOf(platform, redis));
    await Promise.all([
      keepTrimmed({ redis, log, signal, retentions }),
      this.#watch.run({ redis, log, signal, watched: this.#watched(redis) }),
      ...this.#platforms.flatMap((platform) => [
        ...(platform.deliver === undefined ? [] : [this.#consumer(platform, context).run({ signal: stopping, spawn })]),
        ...(platform.serve === undefined ? [] : [platform.serve({ signal: stopping })]),
      ]),
    ]);
  }

  #watched(redis: RedisClient): readonly Watched[] {
    return this.#platforms
      .filter(({ deliver }) => deliver !== undefined)
      .map(({ platform }) => {
        const stream = messageKeys(redis).outbound(platform);
        const capped = { key: stream, cap: maxDelivered, what: "answers that are kept for their delivery" };
        return { stream, group: groupOf(platform), capped };
      });
  }

  #retentionOf({ platform, deliver }: PlatformAdapter, redis: RedisClient): Retention {
    const groups = deliver === undefined ? [] : [groupOf(platform)];
    return { stream: messageKeys(redis).outbound(platform), groups, retainMs: deliveredMs, maxLength: maxDelivered };
  }

  #consumer(platform: PlatformAdapter, { redis, log }: HookContext): LaneConsumer<Outbound> {
    const [stream, group] = [messageKeys(redis).outbound(platform.platform), groupOf(platform.platform)];
    const delivery = { operation: "deliver", destination: stream, group } as const;
    return new LaneConsumer({
      redis,
      log,
      stream,
      group,
      laneFields: ["channel"],
      parse: parseOutbound,
      handle: async (message, work) => {
        await traced({ ...delivery, messageId: message.id, attempt: work.attempt, ...carrying(message.traceparent) }, async () =>
          platform.deliver?.(message, { signal: work.signal }),
        );
        return undefined;
      },
    });
  }

  #hostOf(
    { platform }: PlatformAdapter,
    { app }: HttpServer,
    { redis, stopping: signal, log, defer }: HookContext,
  ): PlatformHost {
    const sending = { operation: "send", destination: messageKeys(redis).inbound } as const;
    const acceptHere = ({ id = randomUUID(), ...message }: PlatformMessage, options?: AcceptOptions) =>
      traced({ ...sending, messageId: id }, (traceparent) =>
        accept(redis, { id, platform, ...message, at: Date.now(), ...carrying(traceparent) }, options),
      );
    return { app, redis, signal, log, defer, accept: acceptHere };
  }
}
