/** The port in the hands of the probe thread, and of the main thread where no thread can be had, or once it has died. */
import { until } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { TellHealth } from "./facts.ts";
import type { Address, ListenOptions } from "./listen.ts";
import type { Port } from "./port.ts";
import type { ThreadPortOptions } from "./thread/thread-port.ts";
import { ThreadDied, ThreadPort } from "./thread/thread-port.ts";

export interface ProbePortOptions extends Omit<ThreadPortOptions, "onDeath"> {
  /** who takes over */
  readonly main: Port;
}

export class ProbePort implements Port {
  readonly #thread: ThreadPort;
  readonly #main: Port;
  readonly #tell: TellHealth;
  #holder: Port;
  /** ends what takes the port over */
  #signal: AbortSignal | undefined;
  #moving: Promise<void> | undefined;
  #ending: Promise<void> | undefined;

  constructor({ main, ...options }: ProbePortOptions) {
    this.#thread = new ThreadPort({ ...options, onDeath: this.#takeOver });
    this.#main = main;
    this.#tell = options.onFact;
    this.#holder = this.#thread;
  }

  get address(): Address | undefined {
    return this.#holder.address;
  }

  /** Has the thread start beside this one. Any time; once it has started or gone, without effect. */
  start(): void {
    this.#thread.start();
  }

  /** Resolves when the thread is gone, or was never there. */
  get gone(): Promise<void> {
    return this.#thread.gone;
  }

  async open(options: ListenOptions): Promise<Address> {
    this.#signal = options.signal;
    try {
      return await this.#thread.open(options);
    } catch (error) {
      if (!(error instanceof ThreadDied)) throw error;
      options.signal.throwIfAborted();
      this.#tell({ type: "health.thread.died", reason: error.message });
      this.#holder = this.#main;
      return await this.#main.open(options);
    }
  }

  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  destroy(): void {
    this.#thread.destroy();
    this.#main.destroy();
  }

  async #end(): Promise<void> {
    await this.#moving;
    await this.#thread.end();
    await this.#main.end();
  }

  readonly #takeOver = (reason: string, where: Address): void => {
    this.#tell({ type: "health.thread.died", reason });
    if (!this.#ending) this.#moving = this.#move(where);
  };

  async #move(where: Address): Promise<void> {
    const signal = this.#signal!;
    this.#holder = this.#main;
    try {
      const address = await until(signal, this.#main.open({ ...where, signal }));
      this.#tell({ type: "health.port.moved", ...address });
    } catch (error) {
      if (!signal.aborted) this.#tell({ type: "health.server.failed", reason: messageOf(error) });
    }
  }
}
