/** HTTP requests as a kubelet (a new connection for each probe) and as a load balancer (kept connections) sends them. */
import { connect } from "node:net";

const request = (url, connection) =>
  `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: ${connection}\r\n\r\n`;

/** The status, or `refused`, `reset`, `closed`, `timeout`. */
export const probe = (address, timeoutMs = 1000) => {
  const url = new URL(address);
  return new Promise((resolve) => {
    const socket = connect(Number(url.port), url.hostname);
    const end = (status) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(status);
    };
    const timer = setTimeout(() => end("timeout"), timeoutMs);
    socket.on("error", ({ code }) => end(code === "ECONNREFUSED" ? "refused" : "reset"));
    socket.on("close", () => end("closed"));
    socket.on("connect", () => socket.write(request(url, "close")));
    socket.once("data", (chunk) => end(Number(chunk.subarray(9, 12))));
  });
};

/** A connection that carries one request after the other and is never closed by us. */
export class KeptConnection {
  #socket;
  #pending;
  closed = false;

  constructor(address) {
    const url = new URL(address);
    this.#socket = connect(Number(url.port), url.hostname).setNoDelay(true);
    this.connected = new Promise((resolve, reject) => this.#socket.once("connect", resolve).once("error", reject));
    let text = "";
    const settle = (status) => {
      text = "";
      this.#pending?.({ status, at: performance.now() });
      this.#pending = undefined;
    };
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.closed = true;
      settle("closed");
    });
    this.#socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const [, head, body] = /^([\s\S]*?\r\n)\r\n([\s\S]*)$/.exec(text) ?? [];
      if (head === undefined) return;
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const isWhole = /chunked/i.test(head) ? body.endsWith("0\r\n\r\n") : body.length >= length;
      if (isWhole) settle(Number(head.slice(9, 12)));
    });
  }

  get(address) {
    if (this.closed) return Promise.resolve({ status: "closed", at: performance.now() });
    return new Promise((resolve) => {
      this.#pending = resolve;
      this.#socket.write(request(new URL(address), "keep-alive"));
    });
  }

  destroy() {
    this.#socket.destroy();
  }
}
