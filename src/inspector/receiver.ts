/** A WebSocket to a receiver of Stately's protocol. It connects once: a receiver that is absent, fails or is too slow is disconnected. */
import type { TcpNetConnectOpts } from "node:net";
import { connect } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { quietClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { StatelySink } from "./sink.ts";

const handshakeTimeoutMs = 3000;
/** messages that are kept while it connects, and bytes that a slow receiver may leave unread */
const maxQueued = 200;
const maxUnreadBytes = 4_194_304;
/** ms for the closing handshake */
const graceMs = 300;

/** A socket that never keeps the process alive. `ws` passes the path of its request, which a socket does not have. */
const unrefed = (isSecure: boolean) => (given: unknown) => {
  const options = { ...(given as TcpNetConnectOpts), path: undefined };
  const socket = isSecure ? connectTls({ servername: options.host, ...options } as ConnectionOptions) : connect(options);
  return socket.unref();
};

export class ReceiverSocket implements StatelySink {
  readonly url = undefined;
  readonly #label: string;
  readonly #socket: WebSocket;
  readonly #queue: string[] = [];
  readonly #onBroken: (why: string) => void;

  constructor(url: string, onBroken: (why: string) => void) {
    this.#onBroken = onBroken;
    // the rest of the URL may be secret
    this.#label = new URL(url).host;
    const createConnection = unrefed(new URL(url).protocol === "wss:");
    const options = { handshakeTimeout: handshakeTimeoutMs, perMessageDeflate: false, maxPayload: 65_536, createConnection };
    this.#socket = new WebSocket(url, options as ConstructorParameters<typeof WebSocket>[2]);
    this.#socket.on("open", () => {
      for (const text of this.#queue.splice(0)) this.#socket.send(text);
    });
    this.#socket.on("error", (error) => this.#break(messageOf(error)));
    this.#socket.on("close", () => this.#break("it closed the connection"));
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#queue.push(text);
      if (this.#queue.length > maxQueued) this.#queue.shift();
    } else if (this.#socket.bufferedAmount > maxUnreadBytes) this.#break("it reads too slowly");
    else this.#socket.send(text, () => {});
  }

  close(): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => {
      const cut = quietClock.setTimeout(() => socket.terminate(), graceMs);
      socket.once("close", () => {
        quietClock.clearTimeout(cut);
        resolve();
      });
      if (socket.readyState === WebSocket.CONNECTING) socket.once("open", () => socket.close());
      else socket.close();
    });
  }

  #break(why: string): void {
    this.#onBroken(`the receiver at ${this.#label}: ${why}`);
  }
}
