/**
 * Chat over a WebSocket at `/webchat`; `webchat/frames.ts` has the frames. A client names the conversation that it continues and the line that
 * it has last, is shown the lines behind that one, and then each line as it is written. Any gateway serves any conversation.
 */
import type { FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import { every, systemClock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import { addWebSockets } from "../../http/web-sockets.ts";
import type { Waiting } from "../../until.ts";
import type { Draft } from "../messages/draft.ts";
import type { Outbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import { carrying, traced } from "../messages/traced.ts";
import type { PlatformAdapter, PlatformHost } from "./platform.ts";
import { followDrafts } from "./webchat/drafts.ts";
import { maxFrameBytes } from "./webchat/frames.ts";
import type { Limits } from "./webchat/limits.ts";
import { addressOf, Limiter } from "./webchat/limits.ts";
import { closings, Page } from "./webchat/page.ts";
import { Tail } from "./webchat/tail.ts";

export interface WebchatOptions {
  /** The limits of one visitor; each has a default. */
  readonly limits?: Partial<Limits>;
}

const pingMs = 20_000;
/** in ms: how long the sockets take to close when the gateway stops, at most and for each socket */
const spreadMs = 2000;
const spreadPerPageMs = 20;

export class Webchat implements PlatformAdapter {
  readonly platform = "webchat";
  readonly #limiter: Limiter;
  readonly #pages = new Map<WebSocket, Page>();
  readonly #byChannel = new Map<string, Set<Page>>();
  /** sockets that answered the last ping */
  readonly #alive = new WeakSet<WebSocket>();

  constructor({ limits }: WebchatOptions = {}) {
    this.#limiter = new Limiter(limits);
  }

  async open(host: PlatformHost): Promise<void> {
    const { app, redis, log, defer } = host;
    const keys = messageKeys(redis);
    const stream = keys.outbound(this.platform);
    const tail = new Tail({
      redis,
      log,
      stream,
      onAnswer: (answer) => this.#announce(answer, stream),
      onGap: () => this.#readOn(),
    });
    void tail.run();
    defer(() => tail.close());
    defer(followDrafts({ redis, log, topic: keys.live(this.platform), onDraft: (draft) => this.#showDraft(draft) }));
    await addWebSockets(app, { maxPayload: maxFrameBytes, reason: "the gateway is stopping" });
    app.get("/webchat", { websocket: true }, (socket, request) => this.#enter(socket, request, host, tail));
    defer(every(pingMs, () => this.#tidy()));
  }

  /** Until the signal aborts; then closes its sockets, spread over 2 s at most so that the clients do not all connect at once. */
  async serve({ signal }: Waiting): Promise<void> {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    const longestMs = Math.min(spreadMs, spreadPerPageMs * this.#pages.size);
    const close = async (page: Page): Promise<void> => {
      await new Promise((resolve) => systemClock.setTimeout(() => resolve(undefined), Math.random() * longestMs));
      page.close(closings.stopping, "the gateway is stopping");
    };
    await Promise.all([...this.#pages.values()].map(close));
  }

  #enter(socket: WebSocket, { raw, headers }: FastifyRequest, host: PlatformHost, { begun }: Tail): void {
    const { redis, log, accept } = host;
    const address = addressOf(raw.socket.remoteAddress, headers["x-forwarded-for"]);
    socket.on("error", (failure) =>
      log.debug({ type: "webchat.socket.failed", reason: messageOf(failure) }, `a connection failed: ${messageOf(failure)}`),
    );
    if (host.signal.aborted || !this.#limiter.entered(address, this.#pages.size + 1)) {
      socket.close(host.signal.aborted ? closings.stopping : closings.later, "try again later");
      return;
    }
    this.#alive.add(socket);
    socket.on("pong", () => this.#alive.add(socket));
    const common = { redis, log, accept, begun, address, platform: this.platform, limiter: this.#limiter };
    const page = new Page(socket, { ...common, onChannel: (one) => this.#hold(one) });
    this.#pages.set(socket, page);
    socket.once("close", () => {
      this.#pages.delete(socket);
      this.#release(page);
      this.#limiter.left(address);
    });
  }

  #hold(page: Page): void {
    const channel = page.channel!;
    this.#byChannel.set(channel, (this.#byChannel.get(channel) ?? new Set()).add(page));
  }

  #release(page: Page): void {
    const channel = page.channel ?? "";
    const pages = this.#byChannel.get(channel);
    pages?.delete(page);
    if (pages?.size === 0) this.#byChannel.delete(channel);
  }

  #announce({ channel, id, to, traceparent }: Outbound, destination: string): void {
    this.#limiter.answered(to);
    const pages = [...(this.#byChannel.get(channel) ?? [])];
    if (pages.length === 0) return;
    const step = { operation: "deliver", destination, messageId: id, ...carrying(traceparent) } as const;
    void traced(step, () => Promise.all(pages.map((page) => page.readOn())));
  }

  #showDraft({ channel, to, token, n, text }: Draft): void {
    for (const page of this.#byChannel.get(channel) ?? [])
      page.send(text === "" ? { type: "typing", to } : { type: "draft", to, token, n, text });
  }

  #readOn(): void {
    for (const pages of this.#byChannel.values()) for (const page of pages) void page.readOn();
  }

  /** Disconnects each socket that did not answer the last ping: TCP alone may take minutes to notice. */
  #tidy(): void {
    this.#limiter.tidy();
    for (const socket of this.#pages.keys()) {
      if (!this.#alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }
}
