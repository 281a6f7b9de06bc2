/** A WebSocket to a receiver of Stately's protocol. It connects once: what is not there, breaks or cannot keep up is let go. */
import type { TcpNetConnectOpts } from "node:net";
import { connect } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { messageOf } from "../errors.ts";
import type { StatelySink } from "./sink.ts";

const handshakeTimeoutMs = 3000;
/** what is held while connecting, and what a slow receiver may owe */
const maxQueued = 200;
const maxOwedBytes = 4_194_304;
/** what polite closing may take */
const politeMs = 300;

/** A socket that does not keep the process alive, from its first moment. What is given names the request's path; a socket has none. */
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
    // nothing that may be secret in the URL is repeated
    this.#label = new URL(url).host;
    const createConnection = unrefed(new URL(url).protocol === "wss:");
    const options = { handshakeTimeout: handshakeTimeoutMs, perMessageDeflate: false, maxPayload: 65_536, createConnection };
    this.#socket = new WebSocket(url, options as ConstructorParameters<typeof WebSocket>[2]);
    this.#socket.on("open", () => {
      for (const text of this.#queue.splice(0)) this.#socket.send(text);
    });
    this.#socket.on("error", (error) => this.#break(messageOf(error)));
    this.#socket.on("close", () => this.#break("it has closed the connection"));
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#queue.push(text);
      if (this.#queue.length > maxQueued) this.#queue.shift();
    } else if (this.#socket.bufferedAmount > maxOwedBytes) this.#break("it does not keep up");
    else this.#socket.send(text, () => {});
  }

  close(): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => {
      const cut = setTimeout(() => socket.terminate(), politeMs);
      cut.unref();
      socket.once("close", () => {
        clearTimeout(cut);
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
