/** Runs the chart of one service: takes its commands, publishes its facts, promises its report, and unwinds if the chart itself fails. */
import type { ActorOptions, AnyActorRef, InspectionEvent, Observer, Subscription } from "xstate";
import { createActor } from "xstate";
import type {
  Companion,
  HookFact,
  LateError,
  LeaseSnapshot,
  LifecycleActor,
  LifecycleCommand,
  LifecycleMachine,
  LifecycleSettings,
  LifecycleSnapshot,
  StateName,
} from "../../machines/index.ts";
import { finalState, stoppingState } from "../../machines/phases.ts";
import { stateName, statePath } from "../../machines/state.ts";
import type { ServiceClock } from "../clock.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { contained } from "../logger.ts";
import { rejectingLater, rejectLater } from "../until.ts";
import { bindEffects, providedLifecycle } from "./effects/effects.ts";
import type { Resources } from "./effects/resources.ts";
import { spawnUnder } from "./hooks/companion.ts";
import type { HookRunner } from "./hooks/hooks.ts";
import { recordMicrosteps } from "./inspection.ts";
import { FactQueue } from "./report/fact-queue.ts";
import type { ServiceFact } from "./report/facts.ts";
import { brokenReport, toReport } from "./report/report.ts";
import type { StopReport } from "./types.ts";
import { unwind } from "./unwind.ts";
import { becomesReady, waitForState } from "./wait-for-state.ts";

export interface HostOptions {
  readonly settings: Partial<LifecycleSettings>;
  readonly hooks: HookRunner;
  readonly resources: Resources;
  readonly clock: ServiceClock;
  readonly random: () => number;
  /** called with each fact, in order */
  readonly onFact: (fact: ServiceFact) => void;
  /** called with what a subscriber, listener or inspector threw */
  readonly onContained: (message: string) => void;
}

const commands = ["boot", "run", "shutdown"] as const;

export class ServiceHost {
  readonly #actor: LifecycleActor;
  readonly #options: HostOptions;
  readonly #facts: FactQueue;
  readonly #report: Promise<StopReport>;
  readonly #probes = new Set<() => void>();
  #spawned = 0;
  #completion: Promise<StopReport> | undefined;
  #stopped: StopReport | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#facts = new FactQueue(this.contained(options.onFact, "the delivery of a fact"));
    const { settings, clock, random } = options;
    this.#actor = createActor(providedLifecycle, {
      // equivalent mutant: the name of an actor is only shown
      id: "lifecycle",
      input: { settings, now: () => clock.now(), epochNow: () => clock.epochNow(), random },
      clock: clock as unknown as NonNullable<ActorOptions<LifecycleMachine>["clock"]>,
    });
    bindEffects(this.#actor.system, options);
    this.#report = this.#followed();
    this.#actor.start();
    void this.#report.then((report) => this.#facts.add({ type: "stopped", ...report }));
  }

  get snapshot(): LifecycleSnapshot {
    return this.#actor.getSnapshot();
  }

  /** The chart's actor, for charts that run in its system. */
  get actor(): AnyActorRef {
    return this.#actor;
  }

  get state(): StateName {
    return this.#stopped === undefined ? stateName(this.snapshot) : finalState;
  }

  get lease(): LeaseSnapshot | undefined {
    return this.snapshot.children.lease?.getSnapshot();
  }

  get report(): Promise<StopReport> {
    return this.#report;
  }

  /** The report, once the service has stopped. */
  get stopped(): StopReport | undefined {
    return this.#stopped;
  }

  async boot(): Promise<void> {
    if (!this.#take({ type: "boot" })) return rejectLater(this.#refuse("boot"));
    if (!(await becomesReady(this, this.#actor))) throw await this.#bootError();
  }

  runToCompletion(): Promise<StopReport> {
    this.#completion ??= this.#complete();
    return this.#completion;
  }

  shutdown(reason: string | Error): Promise<StopReport> {
    const error = typeof reason === "object" && reason !== null ? reason : undefined;
    // equivalent mutant: an undefined error is no error
    const command: LifecycleCommand = { type: "shutdown", reason: messageOf(reason), ...(error === undefined ? {} : { error }) };
    // a command that is still taken after it was sent is queued behind the transition under way, and another may be before it
    const isCause = this.#take(command) && !this.#takes(command);
    if (error !== undefined && !isCause) this.send({ type: "error.late", error });
    return this.#report;
  }

  waitFor(state: StateName, { signal }: { readonly signal?: AbortSignal }): Promise<void> {
    return rejectingLater(async () => waitForState({ host: this, actor: this.#actor, state, signal }));
  }

  /** Sends the chart a fact that is no command; false, and without effect, once the service has stopped. */
  send(fact: HookFact | LateError): boolean {
    const isActive = this.snapshot.status === "active";
    if (isActive) this.#actor.send(fact);
    return isActive;
  }

  /** Publishes a fact that does not come from the chart. */
  publish(fact: ServiceFact): void {
    this.#facts.add(fact);
  }

  /** Spawns a chart under the service's own; undefined where that is over, and the event without effect. */
  spawn(companion: Companion): Promise<AnyActorRef | undefined> {
    this.#spawned += 1;
    return spawnUnder(this.#actor, companion, this.#spawned);
  }

  subscribe(observer: Partial<Observer<LifecycleSnapshot>>): Subscription {
    return this.#actor.subscribe({
      // accepted mutant: an observer without that method throws where it is contained
      next: this.contained((snapshot: LifecycleSnapshot) => observer.next?.(snapshot), "a subscriber"),
      // accepted mutant: an observer without that method throws where it is contained
      complete: this.contained(() => observer.complete?.(), "a subscriber"),
      // accepted mutant: an observer without that method throws where it is contained
      error: this.contained((error: unknown) => observer.error?.(error), "a subscriber"),
    });
  }

  /** Calls `listener` after each transition, before any fact of it is published and before any subscriber: for probes. */
  onTransition(listener: () => void): () => void {
    const probe = this.contained(listener, "a probe's listener");
    this.#probes.add(probe);
    return () => this.#probes.delete(probe);
  }

  inspect(listener: (event: InspectionEvent) => void): Subscription {
    return this.#actor.system.inspect(this.contained(listener, "an inspector"));
  }

  /** Calls `listener`, which must not throw, with each microstep of the chart and its children. To be called once, before any inspector. */
  record(listener: (event: InspectionEvent) => void): void {
    recordMicrosteps(this.#actor.system, listener);
  }

  /** Wraps a call to foreign code: what it throws is reported and goes no further. */
  contained<A extends unknown[]>(call: (...args: A) => void, what: string): (...args: A) => void {
    return (...args) =>
      contained(
        () => call(...args),
        (error) => this.#options.onContained(`${what} threw: ${messageOf(error)}`),
      );
  }

  /** Publishes what the chart does, and settles with the report of its end. */
  #followed(): Promise<StopReport> {
    this.#actor.on("*", (fact) => this.#facts.hold(fact));
    return new Promise((resolve) => {
      const settle = (report: StopReport) => {
        this.#stopped = report;
        resolve(report);
      };
      this.#actor.subscribe({
        next: () => this.#afterTransition(),
        complete: () => settle(toReport(this.snapshot.output!)),
        error: (error) => void this.#afterFailure(error).then(settle),
      });
    });
  }

  #afterTransition(): void {
    for (const probe of this.#probes) probe();
    if (this.snapshot.hasTag(stoppingState)) this.#options.hooks.abortStopping();
    this.#facts.flush();
  }

  /** Sends a command if it has an arrow; the one door for commands. */
  #take(command: LifecycleCommand): boolean {
    if (!this.#takes(command)) return false;
    if (command.type === "boot") this.#options.resources.preload();
    this.#actor.send(command);
    return true;
  }

  #takes(command: LifecycleCommand): boolean {
    return this.snapshot.status === "active" && this.snapshot.can(command);
  }

  #refuse(command: LifecycleCommand["type"]): StargazerError {
    this.publish({ type: "command.refused", command, path: statePath(this.snapshot) });
    // equivalent mutant: no guard reads the reason
    const allowed = commands.filter((type) => this.#takes({ type, reason: "" })).join(", ") || "nothing";
    const message = `${command}() is not allowed in state '${this.state}'. Allowed: ${allowed}.`;
    return new StargazerError("SG_ERR_ILLEGAL_TRANSITION", message, { phase: this.state });
  }

  async #complete(): Promise<StopReport> {
    this.#take({ type: "boot" });
    // equivalent mutant: run has an arrow only where the service is ready
    if (await becomesReady(this, this.#actor)) this.#take({ type: "run" });
    return this.#report;
  }

  async #bootError(): Promise<StargazerError> {
    const report = await this.#report;
    if (report.error && this.snapshot.context.cause?.outcome !== "shutdown") return report.error;
    const message = `the boot was cut by a shutdown (${report.reason}); everything begun has been undone.`;
    return new StargazerError("SG_ERR_BOOT_ABORTED", message, { phase: finalState, cause: report.error });
  }

  /** An action or guard threw. XState stops such a machine but not its children, so what was begun is undone here. */
  async #afterFailure(error: unknown): Promise<StopReport> {
    const { hooks, resources, clock } = this.#options;
    this.snapshot.children.lease?.send({ type: "release" });
    await unwind({ begun: this.snapshot.context.begun, hooks, resources, clock });
    return brokenReport(this.snapshot.context, stateName({ value: this.snapshot.value }), error);
  }
}
