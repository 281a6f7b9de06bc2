/** The sockets of a server. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../clock.ts";

/** A first request may still be on its way on a connection that was just made. */
const sweepMs = 250;

export class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #clock: Clock;
  #timer: unknown;

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /**
   * Ends, again and again until `forget`, those with no request under way. Those that never sent a byte are among them: Node counts
   * them as busy, and a closing server would wait for them without end.
   */
  sweep(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#server.closeIdleConnections();
      for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
      this.sweep();
    }, sweepMs);
  }

  /** Cuts all of them. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends the sweeping; no timer is left. */
  forget(): void {
    this.#clock.clearTimeout(this.#timer);
  }
}
