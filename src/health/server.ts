/** The health server: `/healthz`, `/readyz`, `/status`, `/metrics`, for as long as a service is healthy, running or stopping. */
import type { FastifyInstance } from "fastify";
import { until } from "../clock.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { buildApp } from "./app.ts";
import { Connections } from "./connections.ts";
import type { Address } from "./listen.ts";
import { addressOf, listen } from "./listen.ts";
import { LoopWatch } from "./loop-watch.ts";
import { quietClock } from "./quiet-clock.ts";
import { RedisCheck } from "./redis-check.ts";
import type { HealthSource } from "./source.ts";
import { isStopping } from "./source.ts";

export { preload } from "./app.ts";
export type { HealthSource } from "./source.ts";

export interface HealthOptions {
  readonly host: string;
  /** 0 picks a free one */
  readonly port: number;
  readonly source: HealthSource;
  /** ms between two checks of Redis, and for which a blocked event loop shows. Default 1000. */
  readonly checkIntervalMs?: number;
  /** ms for one check of Redis. Default 1000. */
  readonly checkTimeoutMs?: number;
  /** ms that the event loop may be late before it shows as pressure. Default 1000. */
  readonly maxEventLoopDelayMs?: number;
  readonly onFact?: (fact: object) => void;
}

interface Opened {
  readonly app: FastifyInstance;
  readonly connections: Connections;
}

/** Opens once and closes once. */
export class HealthServer {
  readonly #options: HealthOptions;
  readonly #watch: LoopWatch;
  readonly #check: RedisCheck | undefined;
  /** aborts when everything has to go by force */
  readonly #force = new AbortController();
  #opened: Opened | undefined;
  #opening: Promise<Address> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: HealthOptions) {
    const {
      checkIntervalMs: intervalMs = 1000,
      checkTimeoutMs: timeoutMs = 1000,
      maxEventLoopDelayMs: maxDelayMs = 1000,
    } = options;
    const { checkRedis: check } = options.source;
    const shared = { clock: quietClock, onFact: this.#tell };
    this.#options = options;
    this.#watch = new LoopWatch({ maxDelayMs, holdMs: intervalMs, ...shared });
    this.#check = check && new RedisCheck({ check, intervalMs, timeoutMs, ...shared });
  }

  /**
   * Resolves with the address when it listens; every call the same promise. Rejects with `SG_ERR_HEALTH_PORT_IN_USE`,
   * `SG_ERR_HEALTH_OPEN_FAILED` (also once it was closed) or the signal's reason; then nothing is open, nor will be.
   */
  open(signal: AbortSignal): Promise<Address> {
    this.#opening ??= this.#open(signal);
    return this.#opening;
  }

  /** Where it listens; undefined while it does not. */
  get address(): Address | undefined {
    return this.#opened && addressOf(this.#opened.app.server);
  }

  /**
   * Resolves when every connection has ended and nothing is left; never rejects. Waits for an `open` under way. Takes no new
   * connection; requests under way are answered, connections without one are ended. When the signal aborts all are cut.
   * Legal at any time, any number of times.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing ??= this.#close();
    const cut = () => this.destroy();
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    await this.#closing.finally(() => signal.removeEventListener("abort", cut));
  }

  /** Cuts everything now, an `open` under way too. Legal at any time, any number of times. */
  destroy(): void {
    this.#cut(
      new StargazerError("SG_ERR_HEALTH_OPEN_FAILED", "the health server was closed before it was open", { phase: "healthy" }),
    );
  }

  #cut(reason: unknown): void {
    this.#force.abort(reason);
    this.#rest();
    this.#opened?.app.server.close();
    this.#opened?.connections.destroy();
    this.#closing ??= this.#close();
  }

  async #open(signal: AbortSignal): Promise<Address> {
    const force = this.#force.signal;
    const cut = () => this.#cut(signal.reason);
    if (this.#closing) this.destroy();
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    try {
      return await until(force, this.#begin(force));
    } catch (error) {
      this.#cut(error);
      await this.#release();
      throw error;
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }

  /** Goes on unheard after a cut, up to the next point where it looks at the signal: none leaves anything open. */
  async #begin(force: AbortSignal): Promise<Address> {
    force.throwIfAborted();
    const { source, host, port, checkIntervalMs: sampleMs = 1000, maxEventLoopDelayMs: maxDelayMs = 1000 } = this.#options;
    const leaving = () => this.#closing !== undefined || isStopping(source);
    const shared = { source, watch: this.#watch, check: this.#check, onFact: this.#tell };
    const app = await buildApp({ ...shared, leaving, sampleMs, maxDelayMs });
    this.#opened = { app, connections: new Connections(app.server, quietClock) };
    if (force.aborted) await app.close();
    force.throwIfAborted();
    const address = await listen(app.server, { host, port, signal: force });
    force.throwIfAborted();
    app.server.on("error", (error) => this.#tell({ type: "health.server.failed", message: messageOf(error) }));
    this.#watch.start();
    this.#check?.start();
    return address;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#rest();
    await this.#opened?.connections.end();
    await this.#opened?.app.close();
  }

  #rest(): void {
    this.#watch.stop();
    this.#check?.stop();
  }

  /** A listener that throws must not harm what it watches. */
  readonly #tell = (fact: object): void => {
    try {
      this.#options.onFact?.(fact);
    } catch {}
  };
}
