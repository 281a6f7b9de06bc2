/** Where one scenario is played: services on trial, a Redis, and everything that they leave behind. */
import { messageOf } from "../errors.ts";
import { guardExit, onUncaught } from "../process.ts";
import type { StargazerService } from "../service/service.ts";
import { demandService } from "../service/shape.ts";
import type { ServiceOptions } from "../service/types.ts";
import type { Disturbance, HookCall } from "./hooks.ts";
import { watchHooks } from "./hooks.ts";
import type { Forgiven } from "./judge.ts";
import { LeakWatch } from "./leaks.ts";
import { listenersOf, newListeners } from "./listeners.ts";
import type { Limits, ServiceFactory } from "./options.ts";
import { overridesFor } from "./options.ts";
import type { TestRedis } from "./test-redis.ts";
import { Trial } from "./trial.ts";

export interface StageOptions {
  readonly factory: ServiceFactory;
  readonly limits: Limits;
  /** undefined for a service without Redis */
  readonly redis: TestRedis | undefined;
}

/** How a trial differs from an ordinary life. */
export interface Circumstances extends Disturbance {
  readonly overrides?: Partial<ServiceOptions>;
  /** put before each sentence about it */
  readonly label?: string;
}

const instanceId = "conformance";

/** Each trial is of a service that has not lived. */
const made = new WeakSet<StargazerService>();

const demandNew = (given: unknown): StargazerService => {
  const service = demandService(given, "the factory has to return a service");
  if (service.instanceId !== instanceId)
    throw new Error("the factory has to pass the overrides that it is given to the constructor");
  if (made.has(service)) throw new Error("the factory has to make a new service at each call: it returned the same one again");
  if (service.state !== "init") throw new Error(`the factory has to return a service in 'init': this one is '${service.state}'`);
  made.add(service);
  return service;
};

export class Stage {
  readonly limits: Limits;
  readonly redis: TestRedis | undefined;
  /** known once a service was made */
  serviceName = "";
  readonly #factory: ServiceFactory;
  readonly #watch = new LeakWatch();
  readonly #wrong: string[] = [];
  readonly #calls: HookCall[] = [];
  readonly #trials: { readonly trial: Trial; readonly label: string }[] = [];
  readonly #listeners = listenersOf(process);
  readonly #unhear: () => void;
  readonly #unguard: () => void;

  constructor({ factory, limits, redis }: StageOptions) {
    this.#factory = factory;
    this.limits = limits;
    this.redis = redis;
    this.#unguard = guardExit(() => this.#refuseExit());
    this.#unhear = onUncaught((error) => this.#wrong.push(`an error that nobody handled: ${messageOf(error)}`));
  }

  /** Makes a service; it has not begun yet. */
  make({ overrides = {}, label = "", ...disturbance }: Circumstances = {}): Trial {
    const all = { ...overridesFor(this.limits, instanceId, this.redis?.url), ...overrides };
    const service = demandNew(this.#watch.within("the constructor", () => this.#factory(all)));
    this.serviceName = service.serviceName;
    const hooks = watchHooks(service, this.#watch, disturbance);
    const trial = new Trial(service, hooks, this.limits);
    this.#trials.push({ trial, label });
    return trial;
  }

  /** Notes `otherwise` unless it is so. */
  expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.#wrong.push(otherwise);
  }

  /** Judges the trials so far, which are stopped for it. */
  async judge(forgiven: Forgiven = {}): Promise<void> {
    for (const { trial, label } of this.#trials.splice(0)) {
      for (const sentence of await trial.verdict(forgiven)) this.#wrong.push(`${label}${sentence}`);
      this.#calls.push(...trial.hooks.calls);
    }
  }

  /** Everything that was wrong, each sentence once. The stage is over. */
  async close(): Promise<string[]> {
    try {
      await this.judge();
      for (const handle of await this.#watch.left(this.limits.settleMs)) this.#wrong.push(`left open after the stop: ${handle}`);
      this.#wrong.push(...this.#listening());
    } finally {
      this.#unhear();
      this.#unguard();
      this.#watch.stop();
    }
    return [...new Set(this.#wrong)];
  }

  #refuseExit(): void {
    const { where } = this.#watch;
    if (where === undefined) return;
    this.#wrong.push(`${where} would have ended the process, which only launch may`);
    throw new Error("the conformance kit has refused to end the process: only launch may");
  }

  #listening(): string[] {
    // this stage's own listeners to uncaught errors came after the first look
    const seen = (listeners: ReturnType<typeof listenersOf>) =>
      newListeners(this.#listeners, listeners).filter((name) => !name.endsWith("(tellAll)"));
    return seen(listenersOf(process)).map((name) => {
      const adder = this.#calls.find(({ listeners }) => listeners && seen(listeners).includes(name));
      return `a listener to the process is left: ${name}, added in ${adder?.hook ?? "the constructor"}; signals are launch's to handle`;
    });
  }
}
