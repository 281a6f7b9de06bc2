/** One life of a service, watched from its construction to its report. */
import { setTimeout as pause } from "node:timers/promises";
import type { StateName } from "../../machines/index.ts";
import { effectPhases, isRunning } from "../../machines/index.ts";
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { reinsOf } from "../service/reins.ts";
import type { StargazerService } from "../service/service.ts";
import type { StopReport } from "../service/types.ts";
import type { HookRecord } from "./hooks.ts";
import type { Forgiven } from "./judge.ts";
import { judge } from "./judge.ts";
import type { Limits } from "./options.ts";
import { budgetOf } from "./options.ts";
import { LifecycleProbe } from "./probe.ts";
import { eventually, within } from "./within.ts";

/** what a boot takes beside `onStart`, in ms, on a slow machine whose Redis fails */
const bootMs = 25_000;

export class Trial {
  /** as its base class has it */
  readonly service: StargazerService;
  readonly probe: LifecycleProbe;
  readonly hooks: HookRecord;
  readonly #limits: Limits;
  #stopMs = 0;
  /** the wait for hooks that outlive the service; there is one for each trial */
  #outlasted: Promise<boolean> | undefined;

  constructor(service: StargazerService, hooks: HookRecord, limits: Limits) {
    this.service = reinsOf(service);
    this.hooks = hooks;
    this.#limits = limits;
    this.probe = new LifecycleProbe(service);
  }

  /** Whether it comes to `state`; false when it stops before. */
  async reaches(state: StateName): Promise<boolean> {
    const timeoutMs = this.#limits.startWithinMs + bootMs;
    return this.probe.state(state, { timeoutMs }).then(
      () => true,
      () => false,
    );
  }

  /** Boots, and lets `run` work for `workMs`, since no fact marks the begin of its work. False if it did not come to `run`. */
  async works(): Promise<boolean> {
    void this.service.runToCompletion();
    const came = await this.reaches(effectPhases.runTier);
    if (came) await pause(this.#limits.workMs);
    return came;
  }

  /** Whether it runs and holds its registry entry, `withinMs` at most from now. */
  async runsRegistered(withinMs: number): Promise<boolean> {
    const isHeld = () => this.service.status().lease?.state.startsWith("held") === true;
    await eventually(withinMs, () => isHeld() || !isRunning(this.service.state));
    return isHeld() && isRunning(this.service.state);
  }

  /** Whether its `run` has returned by itself. */
  get hasCompleted(): boolean {
    return this.hooks.calls.some(
      ({ hook, settledAt, error }) => hook === "run" && settledAt !== undefined && error === undefined,
    );
  }

  /** Stops it as a caller outside does, and waits for its report and for hooks that outlive it. */
  async stop(reason: string | Error = "the kit"): Promise<StopReport> {
    const beganAt = systemClock.now();
    const report = await this.#reported(this.hooks.shutdown(reason));
    this.#stopMs = systemClock.now() - beganAt;
    this.#outlasted ??= eventually(this.#limits.obeyWithinMs, () =>
      this.hooks.calls.every(({ settledAt }) => settledAt !== undefined),
    );
    await this.#outlasted;
    return report;
  }

  /** The message of the first failure, else the reason of the stop. */
  async why(): Promise<string> {
    const { reason, failures } = await this.stop();
    return failures[0]?.message ?? reason;
  }

  /** The breaches of the service; stops it if it has not stopped. */
  async verdict(forgiven: Forgiven = {}): Promise<string[]> {
    try {
      const report = await this.stop();
      this.probe.stop();
      return [...this.#judged(report, forgiven), ...this.#children()];
    } catch (error) {
      return [messageOf(error)];
    }
  }

  #judged(report: StopReport, forgiven: Forgiven): string[] {
    const { calls, releases } = this.hooks;
    const facts = this.probe.history.map(({ fact }) => fact);
    const { obeyWithinMs } = this.#limits;
    return judge({ calls, releases, facts, report, stopMs: this.#stopMs, budgetMs: this.#stopWithinMs, obeyWithinMs }, forgiven);
  }

  get #stopWithinMs(): number {
    return budgetOf(this.#limits) + 1000;
  }

  #reported(report: Promise<StopReport>): Promise<StopReport> {
    const overrun = () => new Error(`it did not stop within ${this.#stopWithinMs} ms: it is in ${this.service.status().path}`);
    return within(this.#stopWithinMs, report, overrun);
  }

  /** The chart stops its children before it ends, so none may be active. */
  #children(): string[] {
    const { children } = this.service.actor.getSnapshot();
    return Object.entries(children)
      .filter(([, child]) => child?.getSnapshot().status === "active")
      .map(([name]) => `the child actor '${name}' is still active`);
  }
}
