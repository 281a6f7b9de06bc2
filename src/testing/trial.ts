/** One life of a service, watched from its construction to its report. */
import { setTimeout as pause } from "node:timers/promises";
import type { StateName } from "../../machines/index.ts";
import { messageOf } from "../errors.ts";
import type { StargazerService } from "../service/service.ts";
import type { StopReport } from "../service/types.ts";
import type { HookRecord } from "./hooks.ts";
import type { Forgiven } from "./judge.ts";
import { judge } from "./judge.ts";
import type { Limits } from "./options.ts";
import { budgetOf } from "./options.ts";
import { LifecycleProbe } from "./probe.ts";
import { eventually, within } from "./within.ts";

/** what a boot takes beside `onStart`, in ms, on a slow machine with a Redis in trouble */
const bootMs = 6000;

export class Trial {
  readonly service: StargazerService;
  readonly probe: LifecycleProbe;
  readonly hooks: HookRecord;
  readonly #limits: Limits;
  #stopMs = 0;
  /** the wait for hooks that outlive the service, which is not worth a second one */
  #outlasted: Promise<boolean> | undefined;

  constructor(service: StargazerService, hooks: HookRecord, limits: Limits) {
    this.service = service;
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

  /** Begins, and lets `run` get to work; whether it came to that. Nothing tells when work has begun, so it is given time. */
  async works(): Promise<boolean> {
    void this.service.runToCompletion();
    const came = await this.reaches("running");
    if (came) await pause(this.#limits.workMs);
    return came;
  }

  /** Whether it runs and holds its registry entry, `withinMs` at most from now. */
  async runsRegistered(withinMs: number): Promise<boolean> {
    const isHeld = () => this.service.status().lease?.state.startsWith("held") === true;
    await eventually(withinMs, () => isHeld() || this.service.state !== "running");
    return isHeld() && this.service.state === "running";
  }

  /** Whether its `run` has returned by itself. */
  get hasCompleted(): boolean {
    return this.hooks.calls.some(
      ({ hook, settledAt, error }) => hook === "run" && settledAt !== undefined && error === undefined,
    );
  }

  /** Stops it as a caller outside does, and waits for its report and for hooks that outlive it. */
  async stop(reason: string | Error = "the kit"): Promise<StopReport> {
    const beganAt = performance.now();
    const report = await this.#reported(this.hooks.shutdown(reason));
    this.#stopMs = performance.now() - beganAt;
    this.#outlasted ??= eventually(this.#limits.obeyWithinMs, () =>
      this.hooks.calls.every(({ settledAt }) => settledAt !== undefined),
    );
    await this.#outlasted;
    return report;
  }

  /** Why it stopped, for people. */
  async why(): Promise<string> {
    const { reason, failures } = await this.stop();
    return failures[0]?.message ?? reason;
  }

  /** What it did wrong; stops it if it has not stopped. */
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
    return judge({ calls, releases, facts, report, stopMs: this.#stopMs, budgetMs: this.#patience, obeyWithinMs }, forgiven);
  }

  get #patience(): number {
    return budgetOf(this.#limits) + 1000;
  }

  #reported(report: Promise<StopReport>): Promise<StopReport> {
    const overrun = () => new Error(`it did not stop within ${this.#patience} ms: it is in ${this.service.status().path}`);
    return within(this.#patience, report, overrun);
  }

  /** Stopping the lease is the chart's last word to it. */
  #children(): string[] {
    const { children } = this.service.actor.getSnapshot();
    return Object.entries(children)
      .filter(([, child]) => child?.getSnapshot().status === "active")
      .map(([name]) => `the child actor '${name}' is still active`);
  }
}
