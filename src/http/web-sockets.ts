/** WebSocket routes on an app. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { WebSocketServer } from "ws";
import { socketProtocol } from "./token.ts";

export interface WebSocketOptions {
  /** bytes that a message may have; a longer one ends its connection with 1009 */
  readonly maxPayload: number;
  /** what clients read when the server closes */
  readonly reason: string;
}

/** Lets routes of `app` be WebSockets. When the app closes, each socket is closed with 1001, which has clients connect anew. */
export const addWebSockets = async (app: FastifyInstance, { maxPayload, reason }: WebSocketOptions): Promise<void> => {
  const { default: websocket } = await import("@fastify/websocket");
  const preClose = (done: () => void) => {
    const server: WebSocketServer = app.websocketServer;
    for (const socket of server.clients) socket.close(1001, reason);
    server.close();
    done();
  };
  // never the protocol that has the token in it
  const handleProtocols = (offered: Set<string>) => offered.has(socketProtocol) && socketProtocol;
  await app.register(websocket, { options: { maxPayload, handleProtocols }, preClose });
  refuseOtherUpgrades(app);
};

/**
 * A client that offers another protocol (Java's HttpClient offers h2c with each request) is answered as if it did not. Node has ended its
 * parser by then, so the server reads the request again, without the offer.
 */
const refuseOtherUpgrades = ({ server }: FastifyInstance): void => {
  const [accept] = server.listeners("upgrade") as ((request: IncomingMessage, socket: Duplex, head: Buffer) => void)[];
  server.removeAllListeners("upgrade").on("upgrade", (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() === "websocket") return accept?.call(server, request, socket, head);
    socket.unshift(Buffer.concat([Buffer.from(withoutOffer(request), "latin1"), head]));
    server.emit("connection", socket);
  });
};

const isOffer = (name: string): boolean => /^(?:upgrade|http2-settings)$/i.test(name);

/** A header as it came, without what offers a protocol: `Connection: close, Upgrade` still asks for the end of the connection. */
const keptOf = (name: string, value: string): string => {
  if (isOffer(name)) return "";
  if (name.toLowerCase() !== "connection") return `${name}: ${value}\r\n`;
  const options = value.split(",").filter((option) => !isOffer(option.trim()));
  return options.length === 0 ? "" : `${name}: ${options.join(",")}\r\n`;
};

/** The head of a request as it came, without what offers a protocol. */
const withoutOffer = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): string => {
  const kept = rawHeaders.map((name, at) => (at % 2 === 0 ? keptOf(name, rawHeaders[at + 1]!) : ""));
  return `${method} ${url} HTTP/${httpVersion}\r\n${kept.join("")}\r\n`;
};
