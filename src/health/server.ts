/**
 * The health server: `/healthz`, `/readyz`, `/status` and `/metrics` while a service is healthy, running or stopping.
 *
 * With a probe thread, the thread holds the port from the start: a blocked main thread could not hand it over, and Node cannot share
 * a listening socket among threads. The thread answers the two probes from the notice board, in shared memory, and asks the main
 * thread for `/status` and `/metrics`; without an answer within `readinessBlockMs` it sends the latest metrics with their age, and for
 * `/status` 503 with the latest notice. Should the thread die, the main thread takes the port.
 *
 * Services have the thread by default. What it costs (Node 20, 2 busy cores, `test/bench/probe-thread.mjs`, medians of 35 rounds in
 * three runs): an idle service takes 2 to 5 MB more; spawn to ready takes 0.60 to 0.81 of the time without it, and 0.75 of the
 * processor time; a stop takes as long. Of 8 probes during a block of 3 s all are answered; without the thread none
 * is.
 */
import { createActor, waitFor } from "xstate";
import type { CheckSettings, CheckVerdict } from "../../machines/check.machine.ts";
import type {
  HealthFact,
  HealthPortActor,
  HealthPortEvent,
  HealthPortSnapshot,
  PortAddress,
} from "../../machines/health-port.machine.ts";
import { effectPhases } from "../../machines/phases.ts";
import { quietClock } from "../clock.ts";
import { StargazerError } from "../errors.ts";
import { answerHeaders } from "../http/headers.ts";
import { portsBetween } from "../http/steps.ts";
import { announceListening } from "../process.ts";
import type { Waiting } from "../until.ts";
import { providedHealthPort, provideParts } from "./actors.ts";
import type { AnswerParts } from "./answers.ts";
import { containedAnswer } from "./answers.ts";
import { LazyApp } from "./lazy-app.ts";
import { LoadMeter } from "./load-meter.ts";
import { LoopWatch } from "./loop-watch.ts";
import type { HealthOptions } from "./options.ts";
import { defaults } from "./options.ts";
import { OwnMetrics } from "./own-metrics.ts";
import { isReservedName } from "./process-metrics.ts";
import type { Readiness } from "./readiness.ts";
import { judgeLiveness, judgeReadiness } from "./readiness.ts";
import { RuntimeMeter } from "./runtime-meter.ts";
import { isStopping, stateOf } from "./source.ts";
import { BoardWriter } from "./thread/board.cjs";

export type { HealthFact } from "../../machines/health-port.machine.ts";
export type { HealthSource } from "./source.ts";

const settingsOf = ({ check, kind, failures, successes }: CheckSettings): CheckSettings => ({ check, kind, failures, successes });
const isFree = (snapshot: HealthPortSnapshot): boolean => snapshot.hasTag("free");
const isEnding = (snapshot: HealthPortSnapshot): boolean => snapshot.hasTag("ending") || isFree(snapshot);
const isOpenOrFree = (snapshot: HealthPortSnapshot): boolean => snapshot.context.address !== undefined || isFree(snapshot);
const closedEarly = () =>
  new StargazerError("SG_ERR_HEALTH_OPEN_FAILED", "the health server was closed before it was open", {
    phase: effectPhases.openHealth,
  });

/** Opens once and closes once. Its state is that of the port's chart. */
export class HealthServer {
  readonly #options: HealthOptions & typeof defaults;
  readonly #board = new BoardWriter();
  readonly #watch: LoopWatch;
  readonly #meter: LoadMeter;
  readonly #runtime = new RuntimeMeter();
  readonly #own: OwnMetrics | undefined;
  readonly #app: LazyApp;
  readonly #actor: HealthPortActor;
  /** emitted, and not yet handed on */
  readonly #facts: HealthFact[] = [];

  constructor(given: HealthOptions) {
    const options = { ...defaults, ...given };
    this.#options = options;
    this.#watch = this.#makeWatch();
    this.#meter = new LoadMeter({ maxDelayMs: options.readinessBlockMs, sampleMs: options.sampleMs });
    this.#own = this.#makeOwn();
    this.#app = this.#makeApp();
    const { host, port, source, parent } = options;
    this.#actor = createActor(providedHealthPort, {
      id: "health-port",
      input: { wanted: { host, port }, hasThread: options.probeThread, checks: source.checks.map(settingsOf) },
      ...(parent && { parent }),
    });
    this.#provideParts();
    this.#actor.on("*", (fact) => this.#facts.push(fact));
    this.#actor.subscribe({ next: this.#afterTransition, complete: this.#endMeters });
    this.#actor.start();
  }

  /** Begins what takes time: the thread, or loading Fastify. Before `open`, once; later it has no effect. Returns at once. */
  prepare(): void {
    this.#send({ type: "prepare" });
  }

  /**
   * Resolves with the address when the port is open. Rejects with `SG_ERR_HEALTH_PORT_IN_USE`, `SG_ERR_HEALTH_OPEN_FAILED` (also
   * after a `close` or `destroy`), `SG_ERR_METRICS_CLASH` or the signal's reason, once nothing is open, nor will be. A second call waits for the same
   * opening. Aborting a signal after its call has settled has no effect.
   */
  async open({ signal }: Waiting): Promise<PortAddress> {
    if (this.#own !== undefined) await this.#own.check();
    if (isEnding(this.#snapshot)) throw this.#refusal();
    if (!signal.aborted) this.#send({ type: "open" });
    const abort = () => this.#send({ type: "destroy", error: signal.reason });
    const snapshot = await this.#wait(isOpenOrFree, signal, abort);
    const { address } = snapshot.context;
    if (address === undefined) throw this.#refusal();
    announceListening({ name: "health", ...address, taken: portsBetween(this.#options.port, address.port) });
    return address;
  }

  /** Where it listens; undefined while it does not. Any time. */
  get address(): PortAddress | undefined {
    return this.#snapshot.hasTag("bound") ? this.#snapshot.context.address : undefined;
  }

  /**
   * Resolves when every connection has ended and the port is free; never rejects. Waits for an `open` under way. Accepts no new
   * connection; requests under way are answered, connections without one are ended. When the signal aborts, all are cut.
   * Any time, any number of times.
   */
  async close({ signal }: Waiting): Promise<void> {
    this.#send({ type: "close" });
    await this.#wait(isFree, signal, () => this.destroy());
  }

  /** Cuts everything now, an `open` under way too. Returns at once; any time, any number of times. */
  destroy(): void {
    this.#send({ type: "destroy", error: undefined });
  }

  /** Resolves when nothing is left, the thread included. To be called after `close` or `destroy`. */
  async gone(): Promise<void> {
    await waitFor(this.#actor, ({ status }) => status === "done");
  }

  /** What `/readyz` answers. Any time. */
  get readiness(): Readiness {
    return this.#judge();
  }

  get #snapshot(): HealthPortSnapshot {
    return this.#actor.getSnapshot();
  }

  /** The one door of the chart: an event without an arrow has no effect. */
  readonly #send = (event: HealthPortEvent): void => {
    if (this.#snapshot.status === "active" && this.#snapshot.can(event)) this.#actor.send(event);
  };

  /** Why it cannot be opened, or could not. A `destroy` has no reason of its own. */
  #refusal(): unknown {
    return this.#snapshot.context.failure?.error ?? closedEarly();
  }

  /** Resolves when the chart has come there; calls `abort` if the signal aborts before. */
  async #wait(isThere: (snapshot: HealthPortSnapshot) => boolean, signal: AbortSignal, abort: () => void) {
    if (isThere(this.#snapshot)) return this.#snapshot;
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    return waitFor(this.#actor, isThere).finally(() => signal.removeEventListener("abort", abort));
  }

  /** The board is written first: probes are never behind what a listener knows. A listener that throws must not harm the port. */
  readonly #afterTransition = (): void => {
    // equivalent mutant: nothing reads the board of a port that is free
    if (!isFree(this.#snapshot)) this.#publish();
    for (let fact = this.#facts.shift(); fact !== undefined; fact = this.#facts.shift()) {
      try {
        this.#options.onFact?.(fact);
      } catch {}
    }
  };

  /** What was measured for `/metrics` and `/readyz`. */
  readonly #endMeters = (): void => {
    this.#meter.stop();
    this.#runtime.stop();
  };

  readonly #isLeaving = (): boolean => this.#snapshot.hasTag("ending") || isStopping(this.#options.source);

  readonly #verdicts = (): readonly CheckVerdict[] => this.#snapshot.context.verdicts;

  readonly #judge = (): Readiness => {
    const { source } = this.#options;
    const isUnderPressure = () => this.#app.isUnderPressure || this.#meter.isUnderPressure;
    return judgeReadiness({ source, watch: this.#watch, checks: this.#verdicts(), isUnderPressure });
  };

  readonly #publish = (): void => {
    const { source, probeThread, onReadiness } = this.#options;
    if (!probeThread && onReadiness === undefined) return;
    const readiness = this.#judge();
    onReadiness?.(readiness);
    if (!probeThread) return;
    const liveness = judgeLiveness({ source, checks: this.#verdicts() });
    this.#board.publish({ state: stateOf(source), leaving: this.#isLeaving(), readiness, liveness });
  };

  /** The notice of a block is written before the beat that ends it. */
  readonly #beat = (dueMs: number): void => {
    this.#publish();
    if (this.#options.probeThread) this.#board.beat(dueMs);
  };

  #makeWatch(): LoopWatch {
    const { readinessBlockMs: maxDelayMs, sampleMs: holdMs } = this.#options;
    const onBlocked = (blockedMs: number) => this.#send({ type: "loop.blocked", blockedMs });
    return new LoopWatch({ maxDelayMs, holdMs, clock: quietClock, onBlocked, onBeat: this.#beat });
  }

  /** The thread waits `readinessBlockMs` for an answer; the service's own metrics get half of that. */
  #makeOwn(): OwnMetrics | undefined {
    const { source, readinessBlockMs } = this.#options;
    const { ownMetrics, tierMetrics: tier } = source;
    if (ownMetrics === undefined && tier === undefined) return undefined;
    const limits = { isReserved: isReservedName, timeoutMs: readinessBlockMs / 2, onFact: this.#send };
    return new OwnMetrics({ source: ownMetrics, tier, ...limits });
  }

  #makeApp(): LazyApp {
    const { host, allowedHosts, sampleMs, readinessBlockMs: maxDelayMs } = this.#options;
    const own = { leaving: this.#isLeaving, onFact: this.#send };
    return new LazyApp({ ...this.#answerParts(), host, allowedHosts, ...own, sampleMs, maxDelayMs });
  }

  #answerParts(): AnswerParts {
    const { source } = this.#options;
    const measured = { watch: this.#watch, runtime: this.#runtime };
    return { source, ...measured, own: this.#own, checks: this.#verdicts, judge: this.#judge };
  }

  #provideParts(): void {
    const { source, host, allowedHosts, readinessBlockMs, livenessBlockMs } = this.#options;
    const served = { host, allowedHosts };
    const answers = this.#answerParts();
    provideParts(this.#actor.system, {
      source,
      app: this.#app,
      answer: (path) => containedAnswer(path, answers, this.#meter.load, this.#send),
      board: this.#board,
      watch: this.#watch,
      probes: { memory: this.#board.memory, readinessBlockMs, livenessBlockMs, served, headers: answerHeaders },
      clock: quietClock,
      publish: this.#publish,
    });
  }
}
