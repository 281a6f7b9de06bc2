// @ts-check
/** The sockets of a server, and how they end. Plain JavaScript: the probe thread runs it as it stands. */
const { setImmediate: nextTurn } = require("node:timers/promises");

/** @import { Server } from "node:http" */
/** @import { Socket } from "node:net" */
/** @import { Clock } from "../clock.ts" */

/** A first request may still be on its way on a connection that was just made. */
const sweepMs = 250;
/** of the event loop, before the port is freed: so many in a row in which nobody knocked, among at most so many */
const quietTurns = 3;
const maxTurns = 100;

class Connections {
  /** @type {Set<Socket>} */
  #sockets = new Set();
  /** @type {Server} */
  #server;
  /** @type {Clock} */
  #clock;
  /** @type {unknown} */
  #timer;
  #accepted = 0;

  /**
   * @param {Server} server
   * @param {Clock} clock
   */
  constructor(server, clock) {
    this.#server = server;
    this.#clock = clock;
    server.on("connection", (socket) => {
      this.#accepted += 1;
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** Frees the port, then resolves when every connection has ended: those with a request under way by its answer, the others soon. */
  async end() {
    await this.#lull();
    /** @type {Promise<void>} */
    const ended = new Promise((resolve) => this.#server.close(() => resolve()));
    this.#sweep();
    await ended;
    this.#clock.clearTimeout(this.#timer);
  }

  /** Cuts all of them. */
  destroy() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * Whoever has knocked already is let in, one a turn: freeing the port resets whom the kernel has greeted and we have not. What is
   * left of that window is the microseconds between the last look and the freeing.
   */
  async #lull() {
    for (let turn = 0, quiet = 0; turn < maxTurns && quiet < quietTurns; turn += 1) {
      const accepted = this.#accepted;
      await nextTurn();
      quiet = accepted === this.#accepted ? quiet + 1 : 0;
    }
  }

  /**
   * Ends, again and again, those with no request under way. Those that never sent a byte are among them: Node counts them as busy, and
   * a closing server would wait for them without end.
   */
  #sweep() {
    this.#timer = this.#clock.setTimeout(() => {
      this.#server.closeIdleConnections();
      for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
      this.#sweep();
    }, sweepMs);
  }
}

module.exports = { Connections };
