// @ts-check
/** The sockets of a server, and how they end. Plain JavaScript: the probe thread runs it as it stands. */
const { setImmediate: nextTurn } = require("node:timers/promises");

/** @import { IncomingMessage, Server } from "node:http" */
/** @import { Socket } from "node:net" */
/** @import { Clock } from "../clock.ts" */

/** So long a request may be on its way: what has not moved for that time has none. */
const sweepMs = 250;
/** of the event loop, before the port is freed: so many in a row in which nobody knocked, among at most so many */
const quietTurns = 3;
const maxTurns = 100;

class Connections {
  /** Each with its requests that are not answered. @type {Map<Socket, Set<IncomingMessage>>} */
  #sockets = new Map();
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
      this.#sockets.set(socket, new Set());
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("request", (request, response) => {
      const requests = this.#sockets.get(request.socket);
      requests?.add(request);
      response.once("close", () => requests?.delete(request));
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
    for (const socket of this.#sockets.keys()) socket.destroy();
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

  /** Those of which no whole request has come that is to be answered, and how much each has sent. */
  #waiting() {
    const waiting = [...this.#sockets].filter(([, requests]) => ![...requests].some(({ complete }) => complete));
    return new Map(waiting.map(([socket]) => [socket, socket.bytesRead]));
  }

  /**
   * Ends, again and again, those with no request under way. Those that sent nothing, or a part of a request, are among them: Node
   * counts them as busy, and a closing server would wait for them without end.
   */
  #sweep() {
    const before = this.#waiting();
    this.#timer = this.#clock.setTimeout(() => {
      this.#server.closeIdleConnections();
      for (const [socket, bytesRead] of this.#waiting()) if (before.get(socket) === bytesRead) socket.destroy();
      this.#sweep();
    }, sweepMs);
  }
}

module.exports = { Connections };
