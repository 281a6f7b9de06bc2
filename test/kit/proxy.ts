/** A TCP proxy on loopback that can delay, stall, reset and refuse connections. */
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import type { PortReservation } from "./port-reservation.ts";
import { reservePort } from "./port-reservation.ts";

/**
 * pass: passes everything on; slow: after `delayMs`, each way; stall: reads everything and passes nothing on, neither way;
 * reset: resets each connection that is made.
 */
export type ProxyMode = "pass" | "slow" | "stall" | "reset";

interface Pair {
  readonly near: Socket;
  readonly far: Socket | undefined;
}

export class LoopbackProxy {
  /** when each connection was made, ms on the clock of `performance` */
  readonly madeAt: number[] = [];
  bytesUp = 0;
  bytesDown = 0;
  mode: ProxyMode = "pass";
  delayMs = 0;
  /** called for each chunk on its way to the server, which goes on once the returned promise resolves */
  beforeUp: ((chunk: Buffer) => Promise<void> | undefined) | undefined;
  /** called for each chunk that has been passed to the client */
  afterDown: ((chunk: Buffer) => void) | undefined;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined;
  /** keeps the port for this proxy, also while it refuses */
  readonly #reservation: PortReservation;

  private constructor(target: number, reservation: PortReservation) {
    this.#target = target;
    this.#reservation = reservation;
  }

  static async start(targetPort: number): Promise<LoopbackProxy> {
    const proxy = new LoopbackProxy(targetPort, await reservePort());
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#reservation.port;
  }

  /** connections made since the start */
  get connections(): number {
    return this.madeAt.length;
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** The same URL through the proxy. */
  through(url: string): string {
    const via = new URL(url);
    via.port = String(this.port);
    return via.href;
  }

  /** Refuses connections, and resets the open ones. */
  async refuse(): Promise<void> {
    this.cut();
    if (!this.#server) return;
    this.#server.close();
    await once(this.#server, "close");
    this.#server = undefined;
  }

  /** Accepts connections, on the same port as before. */
  async accept(): Promise<void> {
    if (this.#server) return;
    this.#server = createServer((near) => this.#serve(near)).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Resets all connections. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far?.destroy();
    }
  }

  async stop(): Promise<void> {
    await this.refuse();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#reservation.release();
  }

  #serve(near: Socket): void {
    this.madeAt.push(performance.now());
    if (this.mode === "reset") {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.#target, "127.0.0.1");
    const pair = { near, far };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.setNoDelay(true).on("error", end).on("close", end);
    near.on("data", (chunk) => {
      this.bytesUp += chunk.length;
      const held = this.beforeUp?.(chunk);
      if (held) void held.then(() => this.#pass(far, chunk));
      else this.#pass(far, chunk);
    });
    far.on("data", (chunk) => {
      this.bytesDown += chunk.length;
      this.#pass(near, chunk, this.afterDown);
    });
  }

  #pass(to: Socket, chunk: Buffer, passed?: (chunk: Buffer) => void): void {
    if (this.mode === "stall") return;
    if (this.mode !== "slow") {
      to.write(chunk);
      passed?.(chunk);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      to.write(chunk);
      passed?.(chunk);
    }, this.delayMs);
    this.#timers.add(timer);
  }
}
