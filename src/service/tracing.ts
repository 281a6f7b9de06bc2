/** The traces of a service, where the process has OpenTelemetry; elsewhere nothing is loaded, and a call costs nothing. */
import { hasOpenTelemetry } from "../instrumented.ts";
import type { LifeTrace } from "../traces/life.ts";
import type { ServiceFact } from "./report/facts.ts";

interface Names {
  readonly service: string;
  readonly instance: string;
}

/** How the code of hooks is called. */
export interface HookTracing {
  /** Calls a hook in its phase. */
  hook<T>(phase: string, call: () => Promise<T>): Promise<T>;
  /** Calls the work of a named phase; `outcomeOf` has the outcome of a rejection. */
  phase<T>(name: string, call: () => Promise<T>, outcomeOf: (error: unknown) => string): Promise<T>;
}

export class Tracing implements HookTracing {
  readonly #names: Names;
  readonly #epochNow: () => number;
  /** undefined where it could not be loaded: tracing fails no service */
  #life: Promise<LifeTrace | undefined> | undefined;

  /** `epochNow`: ms since the epoch. */
  constructor(names: Names, epochNow: () => number) {
    this.#names = names;
    this.#epochNow = epochNow;
  }

  /** Takes each fact, in order. */
  note(fact: ServiceFact): void {
    if (fact.type === "state.entered" && hasOpenTelemetry()) this.#life ??= this.#load();
    if (this.#life === undefined) return;
    if (fact.type !== "state.entered" && fact.type !== "phase.ended" && fact.type !== "failed" && fact.type !== "stopped") return;
    const at = this.#epochNow();
    void this.#life.then((life) => life?.note(fact, at));
  }

  hook<T>(phase: string, call: () => Promise<T>): Promise<T> {
    if (this.#life === undefined) return call();
    const at = this.#epochNow();
    return this.#life.then((life) => (life === undefined ? call() : life.hook(phase, at, call)));
  }

  phase<T>(name: string, call: () => Promise<T>, outcomeOf: (error: unknown) => string): Promise<T> {
    if (this.#life === undefined) return call();
    return this.#life.then((life) => (life === undefined ? call() : life.phase(name, call, outcomeOf)));
  }

  async #load(): Promise<LifeTrace | undefined> {
    try {
      const { LifeTrace } = await import("../traces/index.ts");
      return new LifeTrace(this.#names);
    } catch {
      return undefined;
    }
  }
}
