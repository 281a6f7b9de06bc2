/** The chart meets the world: one door for commands, one promise of the report, and what is undone if the machine itself fails. */
import type { ActorOptions, AnyActorRef, InspectionEvent, Observer, Subscription } from "xstate";
import { createActor } from "xstate";
import { companionId } from "../../machines/companion.ts";
import type {
  Companion,
  Failure,
  HookFact,
  LeaseSnapshot,
  LifecycleActor,
  LifecycleCommand,
  LifecycleMachine,
  LifecycleSettings,
  LifecycleSnapshot,
  StateName,
} from "../../machines/index.ts";
import { finalState, isStopping } from "../../machines/phases.ts";
import { stateName, statePath } from "../../machines/state.ts";
import { ownCodeOf } from "../../machines/thrown.ts";
import type { Clock } from "../clock.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { contained } from "../logger.ts";
import { performFor, providedLifecycle } from "./effects/actors.ts";
import { performancesOf } from "./effects/performances.ts";
import type { World } from "./effects/world.ts";
import type { HookRunner } from "./hooks/hooks.ts";
import type { CommandRefused } from "./report/facts.ts";
import { brokenReport, toReport } from "./report/report.ts";
import type { StopReport } from "./types.ts";
import { unwind } from "./unwind.ts";
import { waitForState } from "./wait-for-state.ts";

export interface HostOptions {
  readonly settings: Partial<LifecycleSettings>;
  readonly hooks: HookRunner;
  readonly world: World;
  readonly clock: Clock;
  readonly random: () => number;
  /** where a throwing subscriber or inspector is reported */
  readonly onContained: (message: string) => void;
  readonly onRefused: (refused: CommandRefused) => void;
}

const commands = ["boot", "run", "shutdown"] as const;

export class ServiceHost {
  readonly #actor: LifecycleActor;
  readonly #options: HostOptions;
  readonly #report: Promise<StopReport>;
  readonly #first = new Set<() => void>();
  #spawned = 0;
  #completion: Promise<StopReport> | undefined;
  /** the first error that came while stopping */
  #late: Failure | undefined;
  /** the report of a machine that failed itself, once what was begun has been undone */
  #broken: StopReport | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    const { settings, clock, random } = options;
    this.#actor = createActor(providedLifecycle, {
      id: "lifecycle",
      input: { settings, now: () => clock.now(), random },
      clock: clock as unknown as NonNullable<ActorOptions<LifecycleMachine>["clock"]>,
    });
    performFor(this.#actor.system, performancesOf(options.hooks, options.world));
    this.#report = new Promise((resolve) => {
      this.#actor.subscribe({
        next: () => {
          for (const listener of this.#first) listener();
        },
        complete: () => resolve(toReport(this.snapshot.output!)),
        error: (error) => void this.#afterFailure(error).then(resolve),
      });
    });
    this.#actor.start();
  }

  get snapshot(): LifecycleSnapshot {
    return this.#actor.getSnapshot();
  }

  get state(): StateName {
    return this.#broken === undefined ? stateName(this.snapshot) : finalState;
  }

  get lease(): LeaseSnapshot | undefined {
    return this.snapshot.children.lease?.getSnapshot();
  }

  get report(): Promise<StopReport> {
    return this.#report;
  }

  async boot(): Promise<void> {
    this.#boot();
    if (!(await this.#becomesReady())) throw await this.#bootError();
  }

  runToCompletion(): Promise<StopReport> {
    this.#completion ??= this.#complete();
    return this.#completion;
  }

  shutdown(reason: string | Error): Promise<StopReport> {
    const error = typeof reason === "object" && reason !== null ? reason : undefined;
    const command: LifecycleCommand = { type: "shutdown", reason: messageOf(reason), ...(error === undefined ? {} : { error }) };
    if (this.#takes(command)) this.#sendShutdown(command, error);
    else if (error !== undefined) this.#noteLate(error);
    return this.#report;
  }

  waitFor(state: StateName, signal: AbortSignal | undefined): Promise<void> {
    return waitForState({ host: this, actor: this.#actor, state, signal });
  }

  /** A fact of the tier's hooks; false, and without effect, once the service has stopped. */
  tell(fact: HookFact): boolean {
    const listens = this.snapshot.status === "active";
    if (listens) this.#actor.send(fact);
    return listens;
  }

  /** Spawns a chart under the service's own; undefined where that is over, and the event without effect. */
  async spawn(companion: Companion): Promise<AnyActorRef | undefined> {
    this.#spawned += 1;
    const count = this.#spawned;
    this.#actor.send({ type: "companion.spawn", companion, count });
    // sent within a transition, the event is queued until that is over
    await Promise.resolve();
    return (this.snapshot.children as Readonly<Record<string, AnyActorRef>>)[companionId(companion.name, count)];
  }

  subscribe(observer: Partial<Observer<LifecycleSnapshot>>): Subscription {
    return this.#actor.subscribe({
      next: this.contained((snapshot: LifecycleSnapshot) => observer.next?.(snapshot), "a subscriber"),
      complete: this.contained(() => observer.complete?.(), "a subscriber"),
      error: this.contained((error: unknown) => observer.error?.(error), "a subscriber"),
    });
  }

  /** Called before any subscriber: what the service shows to others is never behind what a subscriber knows. */
  onTransition(listener: () => void): () => void {
    const told = this.contained(listener, "a listener");
    this.#first.add(told);
    return () => this.#first.delete(told);
  }

  onFact(listener: (fact: { type: string }) => void): Subscription {
    return this.#actor.on("*", this.contained(listener, "a listener"));
  }

  inspect(listener: (event: InspectionEvent) => void): Subscription {
    return this.record(this.contained(listener, "an inspector"));
  }

  /** For a listener of ours, which does not throw: it is called some hundred times in a life. */
  record(listener: (event: InspectionEvent) => void): Subscription {
    return this.#actor.system.inspect(listener);
  }

  #boot(): void {
    if (this.#takes({ type: "boot" })) this.#options.world.warm();
    this.#send({ type: "boot" });
  }

  /** The one door for commands: what has no arrow is refused, not dropped. */
  #send(command: LifecycleCommand): void {
    if (!this.#takes(command)) throw this.#refuse(command);
    this.#actor.send(command);
  }

  /** Sent in the middle of a transition it waits its turn, and an earlier shutdown may be ahead of it: its error is kept all the same. */
  #sendShutdown(command: LifecycleCommand, error: Error | undefined): void {
    this.#actor.send(command);
    if (error === undefined || !this.#takes(command)) return;
    queueMicrotask(() => {
      if (this.snapshot.context.failures.every(({ cause }) => cause !== error)) this.#noteLate(error);
    });
  }

  #takes(command: LifecycleCommand): boolean {
    return this.snapshot.status === "active" && this.snapshot.can(command);
  }

  #refuse(command: LifecycleCommand): StargazerError {
    this.#options.onRefused({ type: "command.refused", command: command.type, path: statePath(this.snapshot) });
    const allowed = commands.filter((type) => this.#takes({ type, reason: "" })).join(", ") || "nothing";
    const message = `'${command.type}' has no arrow in '${this.state}'; allowed there: ${allowed}.`;
    return new StargazerError("SG_ERR_ILLEGAL_TRANSITION", message, { phase: this.state });
  }

  /** An error that came while stopping changes neither the cause nor the way, but the first one is not forgotten. */
  #noteLate(error: Error): void {
    if (this.#late !== undefined) return;
    this.#late = {
      phase: statePath(this.snapshot),
      code: ownCodeOf(error) ?? "SG_ERR_FAILED",
      message: messageOf(error),
      cause: error,
    };
    this.tell({ type: "hook.failed", failure: this.#late });
  }

  async #complete(): Promise<StopReport> {
    if (this.#takes({ type: "boot" })) this.#boot();
    if ((await this.#becomesReady()) && this.#takes({ type: "run" })) this.#actor.send({ type: "run" });
    return this.#report;
  }

  /** True as soon as the service is ready, false as soon as that can no longer come. */
  #becomesReady(): Promise<boolean> {
    return new Promise((resolve) => {
      let subscription: Subscription | undefined;
      const look = () => {
        const ready = this.snapshot.hasTag("ready");
        if (!ready && this.snapshot.status === "active" && !isStopping(this.state)) return;
        subscription?.unsubscribe();
        resolve(ready);
      };
      subscription = this.#actor.subscribe({ next: look, complete: look, error: look });
      look();
    });
  }

  async #bootError(): Promise<StargazerError> {
    const report = await this.#report;
    if (report.error && this.snapshot.context.cause?.outcome !== "shutdown") return report.error;
    const message = `the boot was cut by a shutdown (${report.reason}); what was begun has been undone.`;
    return new StargazerError("SG_ERR_BOOT_ABORTED", message, { phase: finalState, cause: report.error });
  }

  /** An action or guard threw: XState stops such a machine but not its children, so what was begun is undone here. */
  async #afterFailure(error: unknown): Promise<StopReport> {
    const { hooks, world, clock } = this.#options;
    const lease = this.snapshot.children.lease;
    if (lease?.getSnapshot().status === "active") lease.send({ type: "release" });
    await unwind({ begun: this.snapshot.context.begun, hooks, world, clock });
    this.#broken = brokenReport(this.snapshot.context, this.state, error);
    return this.#broken;
  }

  /** Wraps a call to somebody else's code: what it throws is reported and goes no further. */
  contained<A extends unknown[]>(call: (...args: A) => void, what: string): (...args: A) => void {
    return (...args) =>
      contained(
        () => call(...args),
        (error) => this.#options.onContained(`${what} threw: ${messageOf(error)}`),
      );
  }
}
