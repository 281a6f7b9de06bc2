/**
 * Chat over a WebSocket at `/webchat`. The client sends `{ type: "message", text }`; the server sends `welcome` with the conversation's
 * name, then `accepted` and `reply`, or `error` with a code. A page that lost its connection continues its conversation with
 * `/webchat?channel=…`: the name is random and only that page has it.
 */
import { randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import { messageOf } from "../../errors.ts";
import { addWebSockets } from "../../http/web-sockets.ts";
import type { Outbound } from "../messages/envelope.ts";
import { maxTextBytes } from "../messages/envelope.ts";
import type { PlatformAdapter, PlatformHost } from "./platform.ts";
import { Switchboard } from "./switchboard.ts";

/** Every message of the server. */
export type WebchatAnswer =
  | { readonly type: "welcome"; readonly channel: string }
  | { readonly type: "accepted"; readonly id: string }
  | { readonly type: "reply"; readonly text: string; readonly to: string }
  | { readonly type: "error"; readonly code: "bad_message" | "too_large" | "too_many" | "unavailable"; readonly message: string };

type ErrorAnswer = Extract<WebchatAnswer, { type: "error" }>;

const pingMs = 20_000;
/** messages of one socket that are not accepted yet */
const maxPending = 32;
/** JSON may write a byte of text as six: a backslash, a u and four digits */
const maxPayload = 6 * maxTextBytes + 1024;
/** bytes that a socket may leave unread; past them it is disconnected */
const maxUnreadBytes = 1_048_576;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const error = (code: ErrorAnswer["code"], message: string): ErrorAnswer => ({ type: "error", code, message });

/** The text of a client's message, or what is wrong with it. Never throws. */
const readText = (data: string): string | ErrorAnswer => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return error("bad_message", "a message is JSON");
  }
  const { type, text } = (parsed ?? {}) as { type?: unknown; text?: unknown };
  if (type !== "message" || typeof text !== "string") return error("bad_message", 'a message is {"type":"message","text":"…"}');
  if (text.trim() === "") return error("bad_message", "the text is empty");
  return Buffer.byteLength(text) > maxTextBytes ? error("too_large", `the text is longer than ${maxTextBytes} bytes`) : text;
};

const send = (socket: WebSocket, answer: WebchatAnswer): void => {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > maxUnreadBytes) socket.terminate();
  else socket.send(JSON.stringify(answer));
};

export class Webchat implements PlatformAdapter {
  readonly platform = "webchat";
  /** sockets that answered the last ping */
  readonly #alive = new WeakSet<WebSocket>();
  #switchboard: Switchboard | undefined;

  async open(host: PlatformHost): Promise<void> {
    const { app, redis, log, defer } = host;
    const switchboard = new Switchboard({ redis, platform: this.platform, log });
    this.#switchboard = switchboard;
    defer(() => switchboard.close());
    await addWebSockets(app, { maxPayload, reason: "the gateway is stopping" });
    app.get("/webchat", { websocket: true }, (socket, request) => {
      void this.#converse(socket, request, host);
    });
    const pinging = setInterval(() => this.#pingAll(app.websocketServer.clients), pingMs).unref();
    defer(() => clearInterval(pinging));
  }

  async deliver(message: Outbound): Promise<void> {
    if (this.#switchboard === undefined) throw new Error("webchat is not open");
    await this.#switchboard.send(message);
  }

  /** Listens at once and answers after the welcome: a socket emits a message once, to the listeners of that moment. */
  async #converse(socket: WebSocket, request: FastifyRequest, host: PlatformHost): Promise<void> {
    const asked = (request.query as { channel?: unknown }).channel;
    const channel = typeof asked === "string" && uuid.test(asked) ? asked : randomUUID();
    this.#alive.add(socket);
    socket.on("pong", () => this.#alive.add(socket));
    socket.on("error", (failure) =>
      host.log.debug({ type: "webchat.socket.failed", reason: messageOf(failure) }, `a connection failed: ${messageOf(failure)}`),
    );
    const held = this.#switchboard!.hold(channel, ({ text, to }) => send(socket, { type: "reply", text, to }));
    socket.once("close", () => void held.then((release) => release()).catch(() => {}));
    this.#listen(socket, channel, host, held);
    try {
      await held;
      send(socket, { type: "welcome", channel });
    } catch (failure) {
      host.log.warn({ type: "webchat.refused", reason: messageOf(failure) }, `a connection is refused: ${messageOf(failure)}`);
      socket.close(1013, "try again later");
    }
  }

  #listen(socket: WebSocket, channel: string, host: PlatformHost, held: Promise<unknown>): void {
    let pending = 0;
    const accept = async (data: string) => {
      const text = readText(data);
      if (typeof text !== "string") return send(socket, text);
      try {
        await held;
        send(socket, { type: "accepted", id: await host.accept({ channel, author: "visitor", text }) });
      } catch (failure) {
        host.log.warn(
          { type: "webchat.not-accepted", reason: messageOf(failure) },
          `a message is not accepted: ${messageOf(failure)}`,
        );
        send(socket, error("unavailable", "the message was not accepted; please send it again"));
      }
    };
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) return send(socket, error("bad_message", "a message is text"));
      if (pending >= maxPending) return send(socket, error("too_many", "too many messages at once"));
      pending += 1;
      void accept(data.toString()).finally(() => {
        pending -= 1;
      });
    });
  }

  /** Disconnects each socket that did not answer the last ping: TCP alone may take minutes to notice. */
  #pingAll(sockets: Iterable<WebSocket>): void {
    for (const socket of sockets) {
      if (!this.#alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }
}
