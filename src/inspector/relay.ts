/**
 * Stately's own page beside a running service: a page on loopback that frames it, and the WebSocket that the page, or any receiver of
 * the protocol, listens on. The package has such a relay too, but it listens on every interface and asks nobody who they are.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { lookRefusal } from "../http/guard.ts";
import type { PageFile } from "./page-files.ts";
import { readPageFiles } from "./page-files.ts";
import type { StatelySink } from "./stately.ts";

const maxKept = 200;
const maxMachines = 32;
const maxOwedBytes = 4_194_304;
/** what polite closing may take before the sockets are cut */
const politeMs = 300;

const headersFor = (host: string | undefined): Readonly<Record<string, string>> => ({
  "content-security-policy": `default-src 'none'; script-src 'self'; style-src 'self'; connect-src ws://${host}; frame-src https://stately.ai; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
});

/** What whoever joins late is told first: the machines, then the last messages. */
class Memory {
  readonly #machines: string[] = [];
  readonly #messages: string[] = [];

  add(text: string, isMachine: boolean): void {
    const [list, max] = isMachine ? [this.#machines, maxMachines] : [this.#messages, maxKept];
    list.push(text);
    if (list.length > max) list.shift();
  }

  get all(): readonly string[] {
    return [...this.#machines, ...this.#messages];
  }
}

class Relay implements StatelySink {
  readonly #memory = new Memory();
  readonly #server = createServer((request, response) => this.#answer(request, response));
  readonly #receivers = new WebSocketServer({
    server: this.#server,
    maxPayload: 65_536,
    verifyClient: ({ req }: { req: IncomingMessage }) => lookRefusal(req.headers) === undefined,
  });
  readonly #sockets = new Set<Socket>();
  readonly #files: ReadonlyMap<string, PageFile>;

  constructor(files: ReadonlyMap<string, PageFile>) {
    this.#files = files;
    this.#server.on("connection", (socket) => {
      socket.unref();
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#receivers.on("connection", (receiver) => {
      receiver.on("error", () => receiver.terminate());
      for (const text of this.#memory.all) receiver.send(text);
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#receivers.on("error", reject);
      this.#server.listen({ host: "127.0.0.1", port: 0 }, () => {
        this.#server.unref();
        resolve();
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  send(text: string, isMachine: boolean): void {
    this.#memory.add(text, isMachine);
    for (const receiver of this.#receivers.clients) {
      if (receiver.bufferedAmount > maxOwedBytes) receiver.terminate();
      else if (receiver.readyState === WebSocket.OPEN) receiver.send(text, () => {});
    }
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const receiver of this.#receivers.clients) receiver.close(1001, "the service has stopped");
    this.#receivers.close();
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, politeMs);
    cut.unref();
    await closed;
    clearTimeout(cut);
  }

  #answer({ method, url = "", headers }: IncomingMessage, response: ServerResponse): void {
    const file = this.#files.get(url === "/" ? "stately.html" : url.replace(/^\/page\//, ""));
    const code = lookRefusal(headers) !== undefined ? 421 : method !== "GET" || file === undefined ? 404 : 200;
    response.writeHead(code, { ...headersFor(headers.host), "content-type": file?.type ?? "text/plain", connection: "close" });
    response.end(code === 200 ? file?.bytes : undefined);
  }
}

export const openRelay = async (): Promise<StatelySink> => {
  const relay = new Relay(await readPageFiles());
  await relay.listen();
  return relay;
};
