/** The main thread as the holder of the port: Fastify listens. */
import type { FastifyInstance } from "fastify";
import type { PortAddress } from "../../machines/health-port.machine.ts";
import { effectPhases } from "../../machines/phases.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { Connections } from "../http/connections.cjs";
import { listenFrom, portSteps } from "../http/steps.ts";
import type { Holder, SendBack } from "./holder.ts";
import type { LazyApp } from "./lazy-app.ts";
import { listen } from "./listen.ts";

const maxConnections = 512;

const unbuilt = (cause: unknown): StargazerError =>
  new StargazerError("SG_ERR_HEALTH_OPEN_FAILED", `the health server cannot be made: ${messageOf(cause)}`, {
    phase: effectPhases.openHealth,
    cause,
  });

export class MainPort implements Holder {
  readonly #app: Pick<LazyApp, "get" | "close">;
  readonly #sendBack: SendBack;
  /** aborts when nothing may listen any more */
  readonly #cut = new AbortController();
  #listener: { readonly server: FastifyInstance["server"]; readonly connections: InstanceType<typeof Connections> } | undefined;

  constructor(app: Pick<LazyApp, "get" | "close">, sendBack: SendBack) {
    this.#app = app;
    this.#sendBack = sendBack;
  }

  listen(wanted: PortAddress): void {
    const { signal } = this.#cut;
    this.#open(wanted, signal).then(
      (address) => this.#sendBack({ type: "port.listening", address }),
      (error) => signal.aborted || this.#sendBack({ type: "port.refused", error }),
    );
  }

  /** The app closes behind the last answer. */
  end(): void {
    const closed = this.#end().catch(() => {});
    void closed.then(() => this.#sendBack({ type: "port.ended" }));
  }

  cut(): void {
    this.#cut.abort();
    this.#listener?.server.close();
    this.#listener?.connections.destroy();
  }

  async #end(): Promise<void> {
    await this.#listener?.connections.end();
    await this.#app.close();
  }

  async #open(wanted: PortAddress, signal: AbortSignal): Promise<PortAddress> {
    const { server } = await this.#app.get().catch((cause: unknown) => {
      throw unbuilt(cause);
    });
    signal.throwIfAborted();
    this.#listener = { server, connections: new Connections(server, { max: maxConnections }) };
    const listenOn = (port: number) => listen(server, { host: wanted.host, port, signal });
    const { result: address } = await listenFrom({ port: wanted.port, steps: portSteps() }, listenOn);
    signal.throwIfAborted();
    server.on("error", (error) => this.#sendBack({ type: "health.server.failed", reason: messageOf(error) }));
    return address;
  }
}
