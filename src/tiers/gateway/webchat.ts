/**
 * Chat over a WebSocket at `/webchat`. The server says `welcome` with the conversation's name, then `accepted` and `reply`, or
 * `error` with a code; the client says `{ type: "message", text }`. A page that lost its connection comes back to its conversation
 * with `/webchat?channel=…`: the name is random and known to that page alone.
 */
import { randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import { messageOf } from "../../errors.ts";
import { isAllowedOrigin } from "../../loopback.ts";
import type { Outbound } from "../messages/envelope.ts";
import { maxTextBytes } from "../messages/envelope.ts";
import { readList } from "../settings.ts";
import type { PlatformAdapter, PlatformHost } from "./platform.ts";
import { Switchboard } from "./switchboard.ts";

/** Everything that the server says. */
export type WebchatAnswer =
  | { readonly type: "welcome"; readonly channel: string }
  | { readonly type: "accepted"; readonly id: string }
  | { readonly type: "reply"; readonly text: string; readonly to: string }
  | { readonly type: "error"; readonly code: "bad_message" | "too_large" | "too_many" | "unavailable"; readonly message: string };

const pingMs = 20_000;
/** of one socket, not yet accepted */
const maxWaiting = 32;
/** JSON may write a byte of text as six: a backslash, a u and four digits */
const maxPayload = 6 * maxTextBytes + 1024;
/** what a socket may owe its reader before it is given up */
const maxBufferedBytes = 1_048_576;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Heard = { readonly text: string } | { readonly refusal: WebchatAnswer };
const refuse = (code: "bad_message" | "too_large", message: string): Heard => ({ refusal: { type: "error", code, message } });

/** Total: whatever a client sends. */
const hear = (data: string): Heard => {
  let said: unknown;
  try {
    said = JSON.parse(data);
  } catch {
    return refuse("bad_message", "a message is JSON");
  }
  const { type, text } = (said ?? {}) as { type?: unknown; text?: unknown };
  if (type !== "message" || typeof text !== "string") return refuse("bad_message", 'a message is {"type":"message","text":"…"}');
  if (text.trim() === "") return refuse("bad_message", "the text is empty");
  return Buffer.byteLength(text) > maxTextBytes ? refuse("too_large", `the text is longer than ${maxTextBytes} bytes`) : { text };
};

const say = (socket: WebSocket, answer: WebchatAnswer): void => {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > maxBufferedBytes) socket.terminate();
  else socket.send(JSON.stringify(answer));
};

export class Webchat implements PlatformAdapter {
  readonly platform = "webchat";
  readonly #origins = readList("SG_WEB_ORIGINS");
  readonly #answering = new WeakSet<WebSocket>();
  #switchboard: Switchboard | undefined;

  async open(host: PlatformHost): Promise<void> {
    const { app, redis, log, defer } = host;
    const switchboard = new Switchboard({ redis, platform: this.platform, log });
    this.#switchboard = switchboard;
    defer(() => switchboard.close());
    const { default: websocket } = await import("@fastify/websocket");
    await app.register(websocket, { options: { maxPayload }, preClose: (done) => this.#closeAll(app.websocketServer, done) });
    const isAllowed = (request: FastifyRequest) => {
      const { origin } = request.headers;
      return origin === undefined || isAllowedOrigin(origin, this.#origins);
    };
    app.get(
      "/webchat",
      {
        websocket: true,
        preValidation: async (request, reply) => {
          if (!isAllowed(request))
            return reply.code(403).send({ error: "pages of this origin may not chat here: see SG_WEB_ORIGINS" });
        },
      },
      (socket, request) => void this.#converse(socket, request, host),
    );
    const pinging = setInterval(() => this.#pingAll(app.websocketServer.clients), pingMs).unref();
    defer(() => clearInterval(pinging));
  }

  async deliver(message: Outbound): Promise<void> {
    if (this.#switchboard === undefined) throw new Error("webchat is not open");
    await this.#switchboard.send(message);
  }

  /** Messages that come before the welcome are kept: a socket emits them once, to whoever listens then. */
  async #converse(socket: WebSocket, request: FastifyRequest, host: PlatformHost): Promise<void> {
    const asked = (request.query as { channel?: unknown }).channel;
    const channel = typeof asked === "string" && uuid.test(asked) ? asked : randomUUID();
    this.#answering.add(socket);
    socket.on("pong", () => this.#answering.add(socket));
    socket.on("error", (error) => host.log.debug({ type: "webchat.socket.failed", reason: messageOf(error) }));
    const held = this.#switchboard!.hold(channel, ({ text, to }) => say(socket, { type: "reply", text, to }));
    socket.once("close", () => void held.then((letGo) => letGo()).catch(() => {}));
    this.#listen(socket, channel, host, held);
    try {
      await held;
      say(socket, { type: "welcome", channel });
    } catch (error) {
      host.log.warn({ type: "webchat.refused", reason: messageOf(error) });
      socket.close(1013, "try again later");
    }
  }

  #listen(socket: WebSocket, channel: string, host: PlatformHost, held: Promise<unknown>): void {
    let waiting = 0;
    const accept = async (data: string) => {
      const heard = hear(data);
      if ("refusal" in heard) return say(socket, heard.refusal);
      try {
        await held;
        const id = await host.accept({ channel, author: "visitor", text: heard.text });
        say(socket, { type: "accepted", id });
      } catch (error) {
        host.log.warn({ type: "webchat.not-accepted", reason: messageOf(error) });
        say(socket, { type: "error", code: "unavailable", message: "the message was not accepted; please send it again" });
      }
    };
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) return say(socket, { type: "error", code: "bad_message", message: "a message is text" });
      if (waiting >= maxWaiting) return say(socket, { type: "error", code: "too_many", message: "too many messages at once" });
      waiting += 1;
      void accept(data.toString()).finally(() => {
        waiting -= 1;
      });
    });
  }

  /** A socket that did not answer the last ping is gone, whatever TCP believes. */
  #pingAll(clients: Iterable<WebSocket>): void {
    for (const socket of clients) {
      if (!this.#answering.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }

  /** 1001 has pages come back, to another gateway or to the next one. */
  #closeAll(server: { clients: Iterable<WebSocket>; close(done: () => void): void }, done: () => void): void {
    for (const socket of server.clients) socket.close(1001, "the gateway is stopping");
    server.close(() => {});
    done();
  }
}
