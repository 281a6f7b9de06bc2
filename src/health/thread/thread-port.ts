/** The port in the hands of the probe thread, seen from the main thread. */
import type { Worker } from "node:worker_threads";
import { messageOf } from "../../errors.ts";
import type { TellHealth } from "../facts.ts";
import type { Address, ListenOptions } from "../listen.ts";
import { refusal } from "../listen.ts";
import type { Port } from "../port.ts";
import { takeWorker } from "./probe-worker.ts";

/** Whom the thread answers for. */
export interface Duty {
  /** what the board is written in */
  readonly memory: SharedArrayBuffer;
  readonly livenessBlockMs: number;
  readonly readinessBlockMs: number;
}

/** What the main thread answers for `/status` and `/metrics`. */
export interface MainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type ToThread =
  | ({ readonly type: "listen" } & Duty & Address)
  | ({ readonly type: "answer"; readonly id: number } & MainAnswer)
  | { readonly type: "end" };

export type FromThread =
  | { readonly type: "listening"; readonly address: Address }
  | { readonly type: "refused"; readonly code: string | undefined; readonly message: string }
  | { readonly type: "asked"; readonly id: number; readonly path: string }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "ended" };

export interface ThreadPortOptions extends Duty {
  /** Never rejects. */
  readonly answer: (path: string) => Promise<MainAnswer>;
  readonly onFact: TellHealth;
  /** The thread has died, and nobody told it to. */
  readonly onDeath: (reason: string, where: Address) => void;
}

/** The thread died before it listened. */
export class ThreadDied extends Error {}

interface Waiting {
  readonly host: string;
  readonly port: number;
  readonly resolve: (address: Address) => void;
  readonly reject: (error: Error) => void;
}

export class ThreadPort implements Port {
  readonly #options: ThreadPortOptions;
  #worker: Worker | undefined;
  #gone: Promise<void> = Promise.resolve();
  #waiting: Waiting | undefined;
  #address: Address | undefined;
  #onEnded = () => {};
  #trouble = "it ended by itself";
  /** aborts when the thread is told to go */
  readonly #dismissal = new AbortController();

  constructor(options: ThreadPortOptions) {
    this.#options = options;
  }

  get address(): Address | undefined {
    return this.#address;
  }

  /** Has the thread start beside this one. Any time; once it has started or gone, without effect. */
  start(): void {
    if (this.#worker || this.#dismissal.signal.aborted) return;
    try {
      this.#worker = this.#spawn();
    } catch (error) {
      // Node's permission model may forbid threads
      this.#trouble = messageOf(error);
    }
  }

  #spawn(): Worker {
    const worker = takeWorker();
    worker.on("message", (message: FromThread) => this.#hear(message));
    worker.on("error", (error) => {
      this.#trouble = messageOf(error);
    });
    this.#gone = new Promise((resolve) => worker.once("exit", () => resolve(this.#depart())));
    return worker;
  }

  /** The wait keeps the process alive, what comes after it does not. Rejects with `ThreadDied` too. */
  async open({ host, port }: ListenOptions): Promise<Address> {
    this.start();
    this.#worker?.ref();
    try {
      return await new Promise<Address>((resolve, reject) => {
        if (this.#worker === undefined) return reject(new ThreadDied(this.#trouble));
        this.#waiting = { host, port, resolve, reject };
        const { memory, livenessBlockMs, readinessBlockMs } = this.#options;
        this.#send({ type: "listen", host, port, memory, livenessBlockMs, readinessBlockMs });
      });
    } finally {
      this.#waiting = undefined;
      this.#worker?.unref();
    }
  }

  /** Resolves when the thread is gone, or was never there. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  /** The thread goes with it, and may do so a moment later. */
  async end(): Promise<void> {
    const politely = this.#address !== undefined;
    if (politely) await this.#endConnections();
    this.destroy();
    if (!politely) await this.#gone;
  }

  async #endConnections(): Promise<void> {
    this.#worker?.ref();
    const ended = new Promise<void>((resolve) => {
      this.#onEnded = resolve;
    });
    this.#send({ type: "end" });
    await Promise.race([ended, this.#gone]);
  }

  destroy(): void {
    this.#dismissal.abort();
    this.#address = undefined;
    this.#worker?.ref();
    void this.#worker?.terminate();
  }

  #send(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  #hear(message: FromThread): void {
    if (message.type === "listening") this.#arrive(message.address);
    if (message.type === "refused") this.#refuse(message);
    if (message.type === "asked") void this.#answer(message);
    if (message.type === "failed") this.#options.onFact({ type: "health.server.failed", reason: message.message });
    if (message.type === "ended") this.#onEnded();
  }

  #arrive(address: Address): void {
    this.#address = address;
    this.#waiting?.resolve(address);
  }

  async #answer({ id, path }: Extract<FromThread, { type: "asked" }>): Promise<void> {
    this.#send({ type: "answer", id, ...(await this.#options.answer(path)) });
  }

  #refuse({ code, message }: Extract<FromThread, { type: "refused" }>): void {
    if (this.#waiting === undefined) return;
    const error: NodeJS.ErrnoException = new Error(message);
    if (code !== undefined) error.code = code;
    this.#waiting.reject(refusal(error, this.#waiting));
  }

  #depart(): void {
    const where = this.#address;
    this.#worker = undefined;
    this.#address = undefined;
    this.#waiting?.reject(new ThreadDied(this.#trouble));
    if (where) this.#options.onDeath(this.#trouble, where);
  }
}
