// @ts-check
/** The connections of a server, and how they end. Plain JavaScript, because the probe thread runs this file as it is. */
const { setImmediate: nextTurn } = require("node:timers/promises");

/** @import { Server, ServerResponse } from "node:http" */
/** @import { Socket } from "node:net" */

/** ms between two looks at connections without a request; one on which nothing moved in that time is destroyed */
const sweepMs = 250;
/** turns of the event loop without a new connection before the backlog counts as empty, and turns at most */
const quietTurns = 3;
const maxTurns = 100;
/** requests of one connection that are not answered, or whose answers are not read; one more, and it is destroyed */
const maxUnanswered = 32;

class Connections {
  /**
   * Each with its answers in the order of the requests; those that are sent leave at the next request. A listener an answer would cost
   * a probe a tenth of its JavaScript. @type {Map<Socket, ServerResponse[]>}
   */
  #sockets = new Map();
  /** @type {Server} */
  #server;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #accepted = 0;

  /**
   * Before the server's handlers: a request on a connection that was destroyed for its number of requests is not answered.
   *
   * @param {Server} server
   * @param {{ readonly max?: number }} [limits] `max`: connections at once; one more, and the oldest is destroyed. Default no limit.
   */
  constructor(server, { max = Number.POSITIVE_INFINITY } = {}) {
    this.#server = server;
    // a client that ends its side behind its request (nc, some load balancers) gets the answer: Node drops one that is not there yet
    Object.assign(server, { httpAllowHalfOpen: true });
    server.on("connection", (socket) => {
      // a socket whose request is read again (web-sockets.ts) is emitted a second time
      if (this.#sockets.has(socket)) return;
      this.#accepted += 1;
      if (this.#sockets.size >= max) this.#sockets.keys().next().value?.destroy();
      this.#sockets.set(socket, []);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.prependListener("request", (request, response) => {
      const answers = this.#sockets.get(request.socket);
      if (answers === undefined) return;
      while (answers[0]?.closed) answers.shift();
      answers.push(response);
      if (answers.length > maxUnanswered) request.socket.destroy();
    });
  }

  /**
   * Closes the listener, then resolves when every connection has ended: one with a request under way after its answer, another soon.
   * No deadline of its own: `destroy` ends what is left. Its timer keeps no process alive.
   *
   * @param {() => PromiseLike<unknown>} [close] closes the server; resolves when its last connection has ended
   */
  async end(close = () => new Promise((resolve) => this.#server.close(resolve))) {
    await this.#acceptBacklog();
    const closed = close();
    this.#sweep();
    try {
      await closed;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Destroys every connection now. */
  destroy() {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  /**
   * Accepts what is in the backlog, one connection a turn: closing the listener resets connections that the kernel has completed but
   * Node has not accepted. What remains of that window are the microseconds between the last look and the close.
   */
  async #acceptBacklog() {
    for (let turn = 0, quiet = 0; turn < maxTurns && quiet < quietTurns; turn += 1) {
      const accepted = this.#accepted;
      await nextTurn();
      quiet = accepted === this.#accepted ? quiet + 1 : 0;
    }
  }

  /** The connections without a complete request to answer and without bytes left to write, each with the bytes that it has read. */
  #idle() {
    const idle = [...this.#sockets].filter(
      ([socket, answers]) => socket.writableLength === 0 && !answers.some(({ closed, req }) => !closed && req.complete),
    );
    return new Map(idle.map(([socket]) => [socket, socket.bytesRead]));
  }

  /**
   * Ends idle connections again and again. Those that sent nothing, or a part of a request, are among them: Node counts them as busy,
   * and a closing server would wait for them without end.
   */
  #sweep() {
    const before = this.#idle();
    this.#timer = setTimeout(() => {
      this.#server.closeIdleConnections();
      for (const [socket, bytesRead] of this.#idle()) if (before.get(socket) === bytesRead) socket.destroy();
      this.#sweep();
    }, sweepMs).unref();
  }
}

module.exports = { Connections };
