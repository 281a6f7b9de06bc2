/**
 * A connection to the simulated server, as much of an ioredis client as the registry asks for. What is written arrives in order on
 * one socket; across a reconnect the old socket's bytes may arrive behind the new one's.
 */
import { EventEmitter } from "node:events";
import { reconnectDelay } from "../../src/redis/roles.ts";
import type { Timer, VirtualClock } from "./clock.ts";
import type { VirtualProcess } from "./process.ts";
import type { Reply } from "./registry.ts";
import type { SimulatedServer } from "./server.ts";
import type { Weather } from "./weather.ts";

/** ioredis' `connectTimeout` and `socketTimeout` as our connections have them. */
const silenceMs = 5000;

export interface ConnectionOptions {
  readonly clock: VirtualClock;
  readonly process: VirtualProcess;
  readonly server: SimulatedServer;
  readonly weather: Weather;
}

interface Owed {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

export class SimulatedConnection extends EventEmitter<{ ready: []; close: []; end: [] }> {
  readonly isCluster = false;
  readonly #options: ConnectionOptions;
  #status: "wait" | "connecting" | "ready" | "reconnecting" | "end" = "wait";
  #socket: Socket | undefined;
  #connecting: { resolve(): void; reject(error: Error): void } | undefined;
  #timer: Timer | undefined;
  #attempt = 0;

  constructor(options: ConnectionOptions) {
    super();
    this.#options = options;
  }

  get status(): string {
    return this.#status;
  }

  /** Also where it waits to be made again: then it is made now. */
  connect(): Promise<void> {
    if (this.#status === "connecting" || this.#status === "ready")
      return Promise.reject(new Error("Redis is already connecting/connected"));
    if (this.#timer) this.#options.clock.cancel(this.#timer);
    return new Promise((resolve, reject) => {
      this.#connecting = { resolve, reject };
      this.#open();
    });
  }

  eval(lua: string, keyCount: number, ...rest: (string | number)[]): Promise<Reply> {
    return this.#send(lua, keyCount, rest);
  }

  evalsha(sha: string, keyCount: number, ...rest: (string | number)[]): Promise<Reply> {
    return this.#send(sha, keyCount, rest);
  }

  disconnect(): void {
    this.#settle("end");
    this.#socket?.close();
    this.#socket = undefined;
  }

  #send(script: string, keyCount: number, rest: readonly (string | number)[]): Promise<Reply> {
    if (this.#status !== "ready") {
      return Promise.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
    }
    const words = rest.map(String);
    return this.#socket!.send(script, words.slice(0, keyCount), words.slice(keyCount));
  }

  #open(): void {
    const { clock, process, server, weather } = this.#options;
    this.#status = "connecting";
    const socket = new Socket(this.#options, () => this.#broken(socket));
    this.#socket = socket;
    this.#timer = clock.schedule(() => this.#broken(socket), silenceMs, "a connection is given up", process);
    const arrived = () => {
      if (server.isUp && weather.connects()) server.whenReading(socket, () => this.#ready(socket));
      else this.#broken(socket);
    };
    clock.schedule(arrived, weather.latencyMs(), "a connection is made", process);
  }

  #ready(socket: Socket): void {
    if (this.#socket !== socket || this.#status !== "connecting") return;
    this.#attempt = 0;
    this.#options.server.attach(socket);
    this.#settle("ready");
  }

  #broken(socket: Socket): void {
    if (this.#socket !== socket) return;
    socket.close();
    this.#socket = undefined;
    this.#settle("reconnecting");
    this.#attempt += 1;
    const { clock, process, weather } = this.#options;
    const delay = reconnectDelay(this.#attempt, weather.random);
    this.#timer = clock.schedule(() => this.#open(), delay, "a reconnect", process);
  }

  #settle(status: "ready" | "reconnecting" | "end"): void {
    this.#status = status;
    if (this.#timer) this.#options.clock.cancel(this.#timer);
    this.#timer = undefined;
    const connecting = this.#connecting;
    this.#connecting = undefined;
    if (status === "ready") connecting?.resolve();
    else connecting?.reject(new Error("Connection is closed."));
    this.emit(status === "reconnecting" ? "close" : status);
  }
}

/** The label of what happens in the server alone: no process learns of it at once. */
export const arrival = "a command arrives";

class Socket {
  readonly #options: ConnectionOptions;
  readonly #onBroken: () => void;
  readonly #owed: Owed[] = [];
  #silence: Timer | undefined;
  #lastArrival = 0;
  #lastReply = 0;
  #isClosed = false;

  constructor(options: ConnectionOptions, onBroken: () => void) {
    this.#options = options;
    this.#onBroken = onBroken;
  }

  send(script: string, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    const { clock, server, weather } = this.#options;
    const { thereMs, backMs, isRefused } = weather.passage();
    const { starts } = server;
    this.#lastArrival = Math.max(this.#lastArrival, clock.now + thereMs);
    if (this.#lastArrival > clock.now + silenceMs) this.#watch();
    return new Promise((resolve, reject) => {
      const owed: Owed = { resolve, reject };
      this.#owed.push(owed);
      if (this.#lastArrival === Infinity) return;
      server.underWay += 1;
      const read = () => {
        server.underWay -= 1;
        if (server.starts === starts) this.#answer(owed, backMs, () => run(server, isRefused, script, keys, args));
      };
      const arrive = () => {
        if (server.isFrozen) this.#watch();
        server.whenReading(this, read);
      };
      clock.schedule(arrive, this.#lastArrival - clock.now, arrival);
    });
  }

  /** The server ended it. */
  reset(): void {
    const { clock, process } = this.#options;
    clock.schedule(this.#onBroken, 0, "a connection breaks", process);
  }

  close(): void {
    const { clock, server } = this.#options;
    this.#isClosed = true;
    server.detach(this);
    if (this.#silence) clock.cancel(this.#silence);
    for (const { reject } of this.#owed.splice(0)) reject(new Error("Connection is closed."));
  }

  #answer(owed: Owed, backMs: number, work: () => Reply | Error): void {
    const { clock, process } = this.#options;
    const reply = work();
    if (this.#isClosed) return;
    this.#lastReply = Math.max(this.#lastReply, clock.now + backMs);
    if (this.#lastReply > clock.now + silenceMs) this.#watch();
    if (this.#lastReply === Infinity) return;
    clock.schedule(() => this.#deliver(owed, reply), this.#lastReply - clock.now, "a reply", process);
  }

  #deliver(owed: Owed, reply: Reply | Error): void {
    if (this.#isClosed) return;
    this.#owed.splice(this.#owed.indexOf(owed), 1);
    if (this.#silence) this.#options.clock.cancel(this.#silence);
    const wasWatched = this.#silence !== undefined;
    this.#silence = undefined;
    if (wasWatched && this.#owed.length > 0) this.#watch();
    if (reply instanceof Error) owed.reject(reply);
    else owed.resolve(reply);
  }

  /** Only where a reply may be long in coming, for the sake of speed. */
  #watch(): void {
    const { clock, process } = this.#options;
    if (this.#isClosed) return;
    this.#silence ??= clock.schedule(this.#onBroken, silenceMs, "a socket times out", process);
  }
}

const run = (
  server: SimulatedServer,
  isRefused: boolean,
  script: string,
  keys: readonly string[],
  args: readonly string[],
): Reply | Error => {
  if (isRefused) return new Error("OOM command not allowed when used memory > 'maxmemory'.");
  try {
    return server.run(script, keys, args);
  } catch (error) {
    return error as Error;
  }
};
