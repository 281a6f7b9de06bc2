/** The port in the hands of the main thread: Fastify listens. */
import type { FastifyInstance } from "fastify";
import { messageOf } from "../errors.ts";
import { Connections } from "../http/connections.cjs";
import type { TellHealth } from "./facts.ts";
import type { Address, ListenOptions } from "./listen.ts";
import { addressOf, listen } from "./listen.ts";
import type { Port } from "./port.ts";

export interface MainPortOptions {
  readonly app: () => Promise<FastifyInstance>;
  readonly onFact: TellHealth;
}

export class MainPort implements Port {
  readonly #options: MainPortOptions;
  #opened: { readonly server: FastifyInstance["server"]; readonly connections: InstanceType<typeof Connections> } | undefined;

  constructor(options: MainPortOptions) {
    this.#options = options;
  }

  get address(): Address | undefined {
    return this.#opened && addressOf(this.#opened.server);
  }

  async open(options: ListenOptions): Promise<Address> {
    const { app, onFact } = this.#options;
    const { server } = await app();
    options.signal.throwIfAborted();
    this.#opened = { server, connections: new Connections(server) };
    const address = await listen(server, options);
    options.signal.throwIfAborted();
    server.on("error", (error) => onFact({ type: "health.server.failed", reason: messageOf(error) }));
    return address;
  }

  async end(): Promise<void> {
    await this.#opened?.connections.end();
  }

  destroy(): void {
    this.#opened?.server.close();
    this.#opened?.connections.destroy();
  }
}
