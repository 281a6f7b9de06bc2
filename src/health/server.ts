/**
 * The health server: `/healthz`, `/readyz`, `/status`, `/metrics`, for as long as a service is healthy, running or stopping.
 *
 * With a probe thread the port is the thread's, for good. Handing a listening socket over when the main thread blocks is no way:
 * whoever is blocked hands nothing over, and Node cannot share one socket among threads. So the thread answers the two probes from
 * the board, in memory that both share, and asks the main thread for `/status` and `/metrics`, whose figures are only there; it
 * waits `readinessBlockMs` for them and then says 503 with what it last knew. Should the thread die, the main thread takes the port.
 *
 * Services have the thread by default, for what it costs (Node 20, 2 busy cores, `test/bench/probe-thread.mjs`, 35 rounds in three
 * runs, medians): an idle service 2 to 5 MB more, since Fastify is loaded with the first `/status` or `/metrics`, and 9 to 10 MB
 * more from then on; spawn to ready 0.60 to 0.81 of the time without it, with 0.75 of the processor time; a stop as long as
 * without. Of 8 probes during a block of 3 s all are answered, without it none.
 */
import { until } from "../clock.ts";
import { StargazerError } from "../errors.ts";
import type { AppOptions } from "./app.ts";
import type { TellHealth } from "./facts.ts";
import { LazyApp } from "./lazy-app.ts";
import type { Address } from "./listen.ts";
import { LoopWatch } from "./loop-watch.ts";
import { MainPort } from "./main-port.ts";
import type { Port } from "./port.ts";
import { ProbePort } from "./probe-port.ts";
import { quietClock } from "./quiet-clock.ts";
import type { Readiness } from "./readiness.ts";
import { judgeReadiness } from "./readiness.ts";
import { RedisCheck } from "./redis-check.ts";
import type { HealthSource } from "./source.ts";
import { isStopping, stateOf } from "./source.ts";
import { BoardWriter } from "./thread/board.cjs";

export type { HealthFact } from "./facts.ts";
export type { HealthSource } from "./source.ts";

export interface HealthOptions {
  readonly host: string;
  /** 0 picks a free one */
  readonly port: number;
  readonly source: HealthSource;
  /** Whether probes are answered beside the main thread, also while that is blocked. Default false. */
  readonly probeThread?: boolean;
  /** ms that the main thread may be blocked before `/readyz` is 503. Default 1000. */
  readonly readinessBlockMs?: number;
  /** ms that the main thread may be blocked before `/healthz` is 503; only a probe thread can tell. Default 30000. */
  readonly livenessBlockMs?: number;
  /** ms between two checks of Redis, and for which a block that is over shows. Default 1000. */
  readonly checkIntervalMs?: number;
  /** ms for one check of Redis. Default 1000. */
  readonly checkTimeoutMs?: number;
  readonly onFact?: TellHealth;
}

const defaults = {
  probeThread: false,
  readinessBlockMs: 1000,
  livenessBlockMs: 30_000,
  checkIntervalMs: 1000,
  checkTimeoutMs: 1000,
};

/** Opens once and closes once. */
export class HealthServer {
  readonly #options: HealthOptions & typeof defaults;
  readonly #board = new BoardWriter();
  readonly #watch: LoopWatch;
  readonly #check: RedisCheck | undefined;
  /** aborts when everything has to go by force */
  readonly #force = new AbortController();
  readonly #app: LazyApp;
  readonly #probes: ProbePort | undefined;
  readonly #port: Port;
  #unsubscribe = () => {};
  #opening: Promise<Address> | undefined;
  #closing: Promise<void> | undefined;

  constructor(given: HealthOptions) {
    const options = { ...defaults, ...given };
    const { source, probeThread, readinessBlockMs, livenessBlockMs, checkIntervalMs, checkTimeoutMs } = options;
    const shared = { clock: quietClock, onFact: this.#tell };
    const onBeat = probeThread ? this.#beat : () => {};
    this.#options = options;
    this.#watch = new LoopWatch({ maxDelayMs: readinessBlockMs, holdMs: checkIntervalMs, onBeat, ...shared });
    const { checkRedis: check } = source;
    this.#check = check && new RedisCheck({ check, intervalMs: checkIntervalMs, timeoutMs: checkTimeoutMs, ...shared });
    this.#app = new LazyApp(this.#appOptions());
    const main = new MainPort({ app: this.#app.get, onFact: this.#tell });
    const probes = {
      memory: this.#board.memory,
      readinessBlockMs,
      livenessBlockMs,
      answer: this.#app.answer,
      onFact: this.#tell,
    };
    this.#probes = probeThread ? new ProbePort({ ...probes, main }) : undefined;
    this.#port = this.#probes ?? main;
  }

  /** Begins what takes time, so that opening finds it done. Legal before `open`; without effect after a close. */
  warm(): void {
    if (this.#closing) return;
    if (this.#probes) this.#probes.start();
    else this.#app.preload();
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
    return this.#port.address;
  }

  /**
   * Resolves when every connection has ended and the port is free; never rejects. Waits for an `open` under way. Takes no new
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

  /** Resolves when nothing is left, the thread included. To be called after `close` or `destroy`. */
  async gone(): Promise<void> {
    await this.#closing;
    await this.#probes?.gone;
  }

  #cut(reason: unknown): void {
    this.#force.abort(reason);
    this.#rest();
    this.#port.destroy();
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
    const { source, host, port } = this.#options;
    if (this.#probes) this.#unsubscribe = source.onChange(this.#publish);
    this.#publish();
    const address = await this.#port.open({ host, port, signal: force });
    force.throwIfAborted();
    this.#watch.start();
    this.#check?.start();
    return address;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {});
    this.#publish();
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#rest();
    await this.#port.end();
    await this.#app.close();
  }

  #rest(): void {
    this.#watch.stop();
    this.#check?.stop();
    this.#board.rest();
    this.#unsubscribe();
  }

  readonly #isLeaving = (): boolean => this.#closing !== undefined || isStopping(this.#options.source);

  readonly #judge = (): Readiness => {
    const { source } = this.#options;
    return judgeReadiness({ source, watch: this.#watch, check: this.#check, isUnderPressure: () => this.#app.isUnderPressure });
  };

  #appOptions(): AppOptions {
    const { source, checkIntervalMs: sampleMs, readinessBlockMs: maxDelayMs } = this.#options;
    const own = { judge: this.#judge, leaving: this.#isLeaving, onFact: this.#tell };
    return { source, watch: this.#watch, check: this.#check, ...own, sampleMs, maxDelayMs };
  }

  readonly #publish = (): void => {
    const { source } = this.#options;
    this.#board.say({ state: stateOf(source), leaving: this.#isLeaving(), readiness: this.#judge() });
  };

  /** What the block was is said before the beat says that it is over. */
  readonly #beat = (dueMs: number): void => {
    this.#publish();
    this.#board.beat(dueMs);
  };

  /** A listener that throws must not harm what it watches. */
  readonly #tell: TellHealth = (fact) => {
    try {
      this.#options.onFact?.(fact);
    } catch {}
  };
}
