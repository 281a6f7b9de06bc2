/** Records the states and facts of a service, and waits for them. */

import type { StateName } from "../../machines/index.ts";
import { initialState, statePath } from "../../machines/index.ts";
import { systemClock } from "../clock.ts";
import { reinsOf } from "../service/reins.ts";
import type { ServiceFact } from "../service/report/facts.ts";
import type { StargazerService } from "../service/service.ts";
import type { WaitOptions } from "./within.ts";
import { defaultTimeoutMs } from "./within.ts";

/** A fact of a service, when it came and where the chart was. */
export interface Recorded {
  /** ms since the probe was made */
  readonly at: number;
  /** the state of the chart: `stopping.draining` */
  readonly path: string;
  readonly fact: ServiceFact;
}

type FactOf<T extends ServiceFact["type"]> = Extract<ServiceFact, { readonly type: T }>;

/**
 * Records one service from now on; construct it before `boot`, or it misses what came before. It changes nothing in the service.
 *
 * ```ts
 * const probe = new LifecycleProbe(service);
 * const stopped = service.runToCompletion();
 * await probe.state("running");
 * await probe.fact("lease.held");
 * ```
 */
export class LifecycleProbe {
  readonly #history: Recorded[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #service: StargazerService;
  readonly #began = systemClock.now();
  readonly #unsubscribe: () => void;

  constructor(service: StargazerService) {
    this.#service = reinsOf(service);
    this.#record({ type: "state.entered", state: this.#service.state });
    this.#unsubscribe = this.#service.onFact((fact) => this.#record(fact));
  }

  /** All facts so far, oldest first: states entered, phases ended, failures, facts of the lease, the report. */
  get history(): readonly Recorded[] {
    return this.#history;
  }

  /** The top-level states entered so far, in order. */
  get states(): StateName[] {
    return this.#history.flatMap(({ fact }) => (fact.type === "state.entered" ? [fact.state] : []));
  }

  /**
   * Resolves once the service has entered `state`, also if it has left it again. Rejects when the service has stopped without
   * entering it, after `timeoutMs` (default 5000), and with the signal's reason; the message lists the facts so far.
   */
  async state(state: StateName, options: WaitOptions = {}): Promise<void> {
    await this.#first(`the state '${state}'`, (fact) => fact.type === "state.entered" && fact.state === state, options);
  }

  /**
   * Resolves with the first fact of that type that `where` accepts: one of the history, else one to come. Rejects as `state`
   * does.
   */
  async fact<T extends ServiceFact["type"]>(
    type: T,
    { where = () => true, ...options }: WaitOptions & { readonly where?: (fact: FactOf<T>) => boolean } = {},
  ): Promise<FactOf<T>> {
    const isIt = (fact: ServiceFact) => fact.type === type && where(fact as FactOf<T>);
    return (await this.#first(`the fact '${type}'`, isIt, options)) as FactOf<T>;
  }

  /** Ends the recording and keeps the history. Legal any number of times. */
  stop(): void {
    this.#unsubscribe();
  }

  #record(fact: ServiceFact): void {
    const path = statePath(this.#service.actor?.getSnapshot() ?? { value: initialState });
    this.#history.push({ at: systemClock.now() - this.#began, path, fact });
    for (const look of [...this.#waiting]) look();
  }

  #first(what: string, isIt: (fact: ServiceFact) => boolean, { timeoutMs = defaultTimeoutMs, signal }: WaitOptions) {
    return new Promise<ServiceFact>((resolve, reject) => {
      const settle = (act: () => void) => {
        systemClock.clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#waiting.delete(look);
        act();
      };
      const refuse = (why: string) => settle(() => reject(new Error(`${what} ${why}. Seen: ${this.#seen()}.`)));
      const abort = () => settle(() => reject(signal?.reason));
      const look = () => {
        const found = this.#history.find(({ fact }) => isIt(fact));
        if (found) settle(() => resolve(found.fact));
        else if (this.#history.at(-1)?.fact.type === "stopped") refuse("did not come before the service had stopped");
      };
      const timer = systemClock.setTimeout(() => refuse(`did not come within ${timeoutMs} ms`), timeoutMs);
      this.#waiting.add(look);
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted) abort();
      else look();
    });
  }

  #seen(): string {
    return this.#history.map(({ fact }) => describe(fact)).join(", ");
  }
}

const describe = (fact: ServiceFact): string => {
  if (fact.type === "state.entered") return fact.state;
  if (fact.type === "failed") return `failed (${fact.phase}: ${fact.message})`;
  return fact.type === "phase.ended" ? `${fact.phase} ${fact.outcome}` : fact.type;
};
