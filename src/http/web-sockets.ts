/** WebSocket routes on an app. */
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
};
