/**
 * Stately's own page beside a running service: a page on loopback that frames it, and the WebSocket that the page, or another receiver
 * of the protocol, reads. The package has a relay too, but it listens on every interface and checks no origin.
 */
import { WebSocket } from "ws";
import { pageHeaders } from "../http/headers.ts";
import { servePage } from "../http/page-files.ts";
import { HttpServer } from "../http/server.ts";
import { createToken } from "../http/token.ts";
import { addWebSockets } from "../http/web-sockets.ts";
import { silentLogger } from "../logger.ts";
import type { StatelySink } from "./sink.ts";

const maxMessages = 200;
const maxMachines = 32;
/** bytes that a receiver may leave unread; past them it is disconnected */
const maxUnreadBytes = 4_194_304;
/** ms for receivers to answer the closing handshake */
const graceMs = 300;
const host = "127.0.0.1";

/** What a receiver that joins late gets first: the machines, then the last messages. */
class Backlog {
  readonly #machines: string[] = [];
  readonly #messages: string[] = [];

  add(text: string, isMachine: boolean): void {
    const [list, max] = isMachine ? [this.#machines, maxMachines] : [this.#messages, maxMessages];
    list.push(text);
    if (list.length > max) list.shift();
  }

  get all(): readonly string[] {
    return [...this.#machines, ...this.#messages];
  }
}

class Relay implements StatelySink {
  readonly #backlog = new Backlog();
  readonly #server: HttpServer;
  readonly #closing: AbortController;
  readonly #token: string;
  #port = 0;

  constructor(server: HttpServer, closing: AbortController, token: string) {
    this.#server = server;
    this.#closing = closing;
    this.#token = token;
  }

  async listen(): Promise<void> {
    const { app } = this.#server;
    await addWebSockets(app, { maxPayload: 65_536, reason: "the service has stopped" });
    await servePage(app, "inspector", { index: "stately.html", wsHandler: (receiver) => this.#add(receiver) });
    ({ port: this.#port } = await this.#server.listen());
  }

  /** The link to the page. Its fragment has the token; a receiver elsewhere uses `ws://:TOKEN@` and the address. */
  get url(): string {
    return `http://${host}:${this.#port}/#${this.#token}`;
  }

  send(text: string, isMachine: boolean): void {
    this.#backlog.add(text, isMachine);
    for (const receiver of this.#server.app.websocketServer.clients) {
      if (receiver.bufferedAmount > maxUnreadBytes) receiver.terminate();
      else if (receiver.readyState === WebSocket.OPEN) receiver.send(text, () => {});
    }
  }

  #add(receiver: WebSocket): void {
    receiver.on("error", () => receiver.terminate());
    for (const text of this.#backlog.all) receiver.send(text);
  }

  close(): Promise<void> {
    this.#closing.abort();
    return this.#server.close();
  }
}

/** Resolves when it listens, on a free port of loopback. */
export const openRelay = async (): Promise<StatelySink> => {
  const closing = new AbortController();
  const token = createToken();
  const server = await HttpServer.create({
    host,
    port: 0,
    advice: "",
    signal: closing.signal,
    log: silentLogger,
    origins: "same",
    token,
    headers: (name) => pageHeaders({ connect: [`ws://${name}`], frame: "https://stately.ai" }),
    keepsProcess: false,
    graceMs,
  });
  const relay = new Relay(server, closing, token);
  await relay.listen();
  return relay;
};
