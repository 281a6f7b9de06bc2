/** The place of one scenario: its services on trial, its Redis, and what they leave behind. */
import { initialState } from "../../machines/index.ts";
import { messageOf } from "../errors.ts";
import { guardExit, onUncaught } from "../process.ts";
import { reinsOf } from "../service/reins.ts";
import type { StargazerService } from "../service/service.ts";
import { demandService } from "../service/shape.ts";
import type { ServiceOptions } from "../service/types.ts";
import type { Disturbance, HookCall } from "./hooks.ts";
import { watchHooks } from "./hooks.ts";
import type { Forgiven } from "./judge.ts";
import { LeakWatch } from "./leaks.ts";
import type { Listeners } from "./listeners.ts";
import { listenersOf, newListeners } from "./listeners.ts";
import type { Limits, ServiceFactory } from "./options.ts";
import { overridesFor } from "./options.ts";
import type { TestRedis } from "./test-redis.ts";
import { Trial } from "./trial.ts";
import type { TurnWatch } from "./turns.ts";

export interface StageOptions {
  readonly factory: ServiceFactory;
  readonly limits: Limits;
  /** undefined for a service without Redis */
  readonly redis: TestRedis | undefined;
  /** ended by the stage's `close` */
  readonly turns: TurnWatch;
}

/** How a trial differs from an ordinary life. */
export interface Circumstances extends Disturbance {
  readonly overrides?: Partial<ServiceOptions>;
  /** the beginning of each sentence about the trial */
  readonly label?: string;
}

const instanceId = "conformance";

/** Services that have had their trial: a factory that returns one again makes no new service. */
const made = new WeakSet<StargazerService>();

const demandNew = (given: unknown): StargazerService => {
  const service = demandService(given, "the factory has to return a service");
  const { instanceId: instance, state } = reinsOf(service);
  if (instance !== instanceId) throw new Error("the factory has to pass the overrides that it is given to the constructor");
  if (made.has(service)) throw new Error("the factory has to make a new service at each call: it returned the same one again");
  if (state !== initialState) throw new Error(`the factory has to return a service in '${initialState}': this one is '${state}'`);
  made.add(service);
  return service;
};

export class Stage {
  readonly limits: Limits;
  readonly redis: TestRedis | undefined;
  /** empty until a service was made */
  serviceName = "";
  readonly #factory: ServiceFactory;
  readonly #watch = new LeakWatch();
  readonly #turns: TurnWatch;
  readonly #wrong: string[] = [];
  readonly #calls: HookCall[] = [];
  readonly #trials: { readonly trial: Trial; readonly label: string }[] = [];
  readonly #listeners: Listeners;
  readonly #unsubscribe: () => void;
  readonly #unguard: () => void;

  constructor({ factory, limits, redis, turns }: StageOptions) {
    this.#factory = factory;
    this.limits = limits;
    this.redis = redis;
    this.#turns = turns;
    this.#unguard = guardExit(() => this.#refuseExit());
    this.#unsubscribe = onUncaught((error) => this.#wrong.push(`an error without a handler: ${messageOf(error)}`));
    // after the stage's own listener, so that it is among those that were there before
    this.#listeners = listenersOf(process);
  }

  /** Makes a service and leaves it in its first state. */
  make({ overrides = {}, label = "", ...disturbance }: Circumstances = {}): Trial {
    const all = { ...overridesFor(this.limits, instanceId, this.redis?.url), ...overrides };
    const service = demandNew(this.#made(all));
    this.serviceName = reinsOf(service).serviceName;
    const hooks = watchHooks(service, { leaks: this.#watch, turns: this.#turns }, disturbance);
    const trial = new Trial(service, hooks, this.limits);
    this.#trials.push({ trial, label });
    return trial;
  }

  /** Records `otherwise` unless it is so. */
  expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.#wrong.push(otherwise);
  }

  /** Stops the trials so far and records their breaches. */
  async judge(forgiven: Forgiven = {}): Promise<void> {
    for (const { trial, label } of this.#trials.splice(0)) {
      for (const sentence of await trial.verdict(forgiven)) this.#wrong.push(`${label}${sentence}`);
      this.#calls.push(...trial.hooks.calls);
    }
  }

  /** Ends the stage. Resolves with every breach, each sentence once. */
  async close(): Promise<string[]> {
    try {
      await this.judge();
      for (const handle of await this.#watch.left(this.limits.settleMs)) this.#wrong.push(`left open after the stop: ${handle}`);
      this.#wrong.push(...this.#listening(), ...this.#turns.breaches);
    } finally {
      this.#unsubscribe();
      this.#unguard();
      this.#watch.stop();
      this.#turns.stop();
    }
    return [...new Set(this.#wrong)];
  }

  #made(overrides: Partial<ServiceOptions>): unknown {
    const leave = this.#turns.enter("the constructor");
    try {
      return this.#watch.within("the constructor", () => this.#factory(overrides));
    } finally {
      leave();
    }
  }

  #refuseExit(): void {
    const { where } = this.#watch;
    if (where === undefined) return;
    this.#wrong.push(`${where} would have ended the process, which only launch may`);
    throw new Error("the conformance kit has refused to end the process: only launch may");
  }

  #listening(): string[] {
    const seen = (listeners: Listeners) => newListeners(this.#listeners, listeners);
    return seen(listenersOf(process)).map((name) => {
      const adder = this.#calls.find(({ listeners }) => listeners && seen(listeners).includes(name));
      return `a listener to the process is left: ${name}, added in ${adder?.hook ?? "the constructor"}; signals are launch's to handle`;
    });
  }
}
