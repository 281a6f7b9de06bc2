/** The base of every tier: nine phases from `init` to `stopped`, always in one order. */
import type { StateName } from "../../machines/index.ts";
import { momentOf } from "../../machines/lifecycle.machine.ts";
import type { ServiceClock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { writeFlight } from "../flight/file.ts";
import { FlightRecorder } from "../flight/recorder.ts";
import type { FlightRecording } from "../flight/recording.ts";
import type { Logger } from "../logger.ts";
import { contain, createLogger, warn } from "../logger.ts";
import type { ServiceActor } from "./actor.ts";
import { readOnlyActor } from "./actor.ts";
import { openResources } from "./effects/open-resources.ts";
import type { Resources } from "./effects/resources.ts";
import { HookRunner } from "./hooks/hooks.ts";
import { missingHooks } from "./hooks/missing.ts";
import { ServiceHost } from "./host.ts";
import type { EffectiveOption } from "./options/configuration.ts";
import { configurationOf, sourcesOf } from "./options/configuration.ts";
import type { ResolvedOptions } from "./options/options.ts";
import { resolveOptions, settingsOf } from "./options/options.ts";
import type { Base } from "./reins.ts";
import { baseClass, reinsOf } from "./reins.ts";
import type { ServiceFact } from "./report/facts.ts";
import { writeFact } from "./report/facts.ts";
import { recordingOf } from "./report/flight.ts";
import { FactCounts, lifecycleMetrics } from "./report/metrics.ts";
import { endOf } from "./report/report.ts";
import type { ListenAddress, StatusReport } from "./report/status.ts";
import { statusOf } from "./report/status.ts";
import { seamsOf } from "./seams.ts";
import { Tracing } from "./tracing.ts";
import type { HookContext, ServiceOptions, StopReport } from "./types.ts";

export { seams } from "./seams.ts";

/**
 * The contract that every tier runs by. Subclass it, write its hooks, and `launch` it.
 *
 * The constructor (`init`) is synchronous and opens nothing; it throws `SG_ERR_CONFIG_INVALID` with every problem
 * of the options at once.
 */
export abstract class StargazerService {
  /** The name of the tier in the registry. */
  readonly serviceName: string;
  /** The identity among the replicas of the tier. */
  readonly instanceId: string;
  /** The chart's actor, read-only. */
  readonly actor: ServiceActor;
  readonly #names: { readonly service: string; readonly instance: string };
  readonly #host: ServiceHost;
  readonly #log: Logger;
  readonly #resources: Resources;
  readonly #clock: ServiceClock;
  readonly #flight: FlightRecorder;
  readonly #configuration: () => readonly EffectiveOption[];
  readonly #counts = new FactCounts();
  readonly #tracing: Tracing;
  readonly #listeners = new Set<(fact: ServiceFact) => void>();

  constructor(options: ServiceOptions) {
    const { clock = systemClock, random = Math.random, resources } = seamsOf(options);
    const resolved: ResolvedOptions = resolveOptions(options, missingHooks(this));
    const sources = sourcesOf(options);
    this.#configuration = () => configurationOf(resolved, sources);
    this.serviceName = resolved.serviceName;
    this.instanceId = resolved.instanceId;
    this.#names = { service: this.serviceName, instance: this.instanceId };
    this.#log = contain(
      // accepted mutant: process.test.ts notices: in a process of its own, where it is not counted
      resolved.logger ?? createLogger(this.#names, { level: resolved.logLevel }),
      warn,
    );
    this.#resources =
      resources ??
      openResources(resolved, {
        actor: () => this.#host.actor,
        snapshot: () => this.#host.snapshot,
        onTransition: (listener) => this.#host.onTransition(listener),
        status: () => reinsOf(this).status(),
        metrics: (version) => lifecycleMetrics(reinsOf(this).status(), { version, counts: this.#counts }),
        describe: () => hooks.inContext(() => this.describe()),
        inContext: (call) => hooks.inContext(call),
        recorder: () => this.#flight,
        flight: (end) => this.#recording(end),
        onFact: (fact) => this.#host.publish(fact),
      });
    this.#tracing = new Tracing(this.#names, () => clock.epochNow());
    const hooks = new HookRunner({
      hooks: {
        onStart: (context) => this.onStart(context),
        run: (context) => this.run(context),
        drainHook: () => this.onDrain?.bind(this),
        onStop: (context) => this.onStop(context),
      },
      clock,
      log: this.#log,
      redis: () => this.#resources.redis,
      moment: () => momentOf(this.#host.snapshot.context),
      send: (fact) => this.#host.send(fact),
      spawn: (companion) => this.#host.spawn(companion),
      tracing: this.#tracing,
    });
    this.#clock = clock;
    this.#flight = new FlightRecorder("lifecycle", clock);
    this.#host = new ServiceHost({
      settings: settingsOf(resolved),
      hooks,
      resources: this.#resources,
      clock,
      random,
      onFact: (fact) => this.#write(fact),
      onContained: (message) => this.#log.error({ type: "contained" }, message),
    });
    this.#host.record((event) => this.#flight.look(event));
    this.actor = readOnlyActor(this.#host);
  }

  /** @internal */
  get [baseClass](): Base {
    const { service: serviceName, instance: instanceId } = this.#names;
    return { methods: StargazerService.prototype, fields: { serviceName, instanceId, actor: readOnlyActor(this.#host) } };
  }

  /** The top-level state's name. Any state. */
  get state(): StateName {
    return this.#host.state;
  }

  /**
   * Boots: legal in `init`. Resolves when the service is `healthy`: the health server is open, `run` has not begun. Rejects
   * once everything begun has been undone: with the first failure, or with `SG_ERR_BOOT_ABORTED` after a shutdown. A second
   * call rejects with `SG_ERR_ILLEGAL_TRANSITION`.
   */
  boot(): Promise<void> {
    return this.#host.boot();
  }

  /**
   * Boots, or joins a boot under way, runs, and resolves with the report however it ended, also after a shutdown between
   * `healthy` and `running`. Any state; never rejects; every call returns the same promise.
   */
  runToCompletion(): Promise<StopReport> {
    return this.#host.runToCompletion();
  }

  /**
   * Stops the service: the reverse of what was really begun, within `shutdownTimeoutMs`. Any state; never rejects; every call
   * returns the same promise. An Error as reason makes the outcome `failed`. Inside a hook, call it without awaiting it.
   */
  shutdown(reason: string | Error = "shutdown"): Promise<StopReport> {
    return this.#host.shutdown(reason);
  }

  /**
   * Resolves when the service is in `state`, at once where it is. Any state; no deadline but that of `signal`. Rejects at once with
   * `SG_ERR_STATE_UNREACHABLE` if that state can no longer come, and with the signal's reason when it aborts.
   */
  waitFor(state: StateName, options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#host.waitFor(state, options ?? {});
  }

  /** Where the service is and since when, its phases, its lease and its failures, as plain JSON. Any state. */
  status(): StatusReport {
    const { snapshot, lease, state } = this.#host;
    const { incarnation, healthAddress: health = null } = this.#resources;
    return { ...statusOf({ ...this.#names, incarnation, snapshot, lease, health }), state };
  }

  /** The address of the health server, with the port that the system chose for `healthPort: 0`; null while it does not listen. Legal in any state; waits for nothing. */
  get healthAddress(): ListenAddress | null {
    return this.#resources.healthAddress ?? null;
  }

  /**
   * Each option with its value and the source of that: the constructor, the environment or the default. Passwords are hidden. Legal in any
   * state; waits for nothing. `stargazer config` prints it.
   */
  configuration(): readonly EffectiveOption[] {
    return this.#configuration();
  }

  /** The last 256 transitions and facts of the service, as plain JSON. Any state. */
  flight(): FlightRecording {
    const { stopped } = this.#host;
    return this.#recording(stopped === undefined ? null : endOf(stopped));
  }

  /** Writes `flight()` to a file in `folder`, synchronously, and publishes the path as the fact `flight.written`. Any state; never throws. */
  saveFlight(folder: string): void {
    try {
      this.#host.publish({ type: "flight.written", path: writeFlight(StargazerService.prototype.flight.call(this), folder) });
    } catch (error) {
      this.#host.publish({ type: "flight.lost", reason: messageOf(error) });
    }
  }

  /**
   * Calls `listener` with every fact from now on, in order, until the returned function is called. The facts of a transition come
   * after the probes show it. Any state; what a listener throws is logged.
   */
  onFact(listener: (fact: ServiceFact) => void): () => void {
    const own = (fact: ServiceFact) => listener(fact);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * Opens what the tier needs. Called in `starting`, once at most; Redis has passed the ping gate. Its errors end the boot
   * (`SG_ERR_START_FAILED`), and so does a call that takes longer than `startTimeoutMs` (`SG_ERR_START_TIMEOUT`).
   */
  protected abstract onStart(context: HookContext): Promise<void> | void;
  /**
   * The tier's work. Called in `running`, once at most. Returning from it stops the service as `completed`, an error as `failed`
   * (`SG_ERR_RUN_FAILED`). It has to end within `drainTimeoutMs` once `context.signal` aborts (`SG_ERR_DRAIN_TIMEOUT`). A loop has to
   * wait in each of its passes, behind what catches its errors, or it blocks the event loop and no signal arrives: see `context.redis`.
   */
  protected abstract run(context: HookContext): Promise<void> | void;
  /**
   * Optional: called first in `stopping`, once `/readyz` is 503, if `onStart` has ended. It announces to load balancers and clients that
   * no more work is taken; listeners, `run` and Redis still work. It has to end within `drainDelayMs`, when its signal aborts
   * (`SG_ERR_DRAIN_TIMEOUT`); its errors make the outcome `failed` (`SG_ERR_DRAIN_FAILED`). The step lasts that long in any case. With a
   * delay of 0 it is called, its signal aborts in the next turn of the event loop, and the drain waits for it.
   */
  protected onDrain?(context: HookContext): Promise<void> | void;
  /**
   * Undoes what `defer` does not cover. Called in `stopping.unwinding`, exactly once if `onStart` was begun, also if that failed, else
   * never. Its errors (`SG_ERR_STOP_FAILED`) and its deadline, a share of `stopTimeoutMs` (`SG_ERR_STOP_TIMEOUT`), make the outcome `failed`;
   * what was deferred is released in any case.
   */
  protected abstract onStop(context: HookContext): Promise<void> | void;

  /**
   * Added to the metadata of the registry entry at each write; for what is known only after `onStart`, a port for example. Called
   * synchronously, in every state that has an entry. Where it throws, returns a promise or no JSON, or the metadata then has more than
   * 4096 bytes, the entry is written without it and `description.failed` names the reason, once for each change.
   */
  // equivalent mutant: undefined and an empty object add the same
  protected describe(): Record<string, unknown> {
    return {};
  }

  #recording(end: FlightRecording["end"]): FlightRecording {
    const { snapshot } = this.#host;
    return recordingOf({ ...this.#names, writtenAt: this.#clock.epochNow(), snapshot, recorder: this.#flight, end });
  }

  #write(fact: ServiceFact): void {
    this.#flight.fact(fact);
    this.#counts.count(fact);
    this.#tracing.note(fact);
    writeFact(this.#log, fact);
    for (const listener of [...this.#listeners])
      if (this.#listeners.has(listener)) this.#host.contained(listener, "a listener")(fact);
  }
}
