/**
 * The traces of one life: the boot, and the stop, which is linked to it; each with a span for each phase. A span of a phase in which a
 * hook runs is the active one for the hook.
 */
import type { LifecycleFact } from "../../machines/facts.ts";
import type { LifePart } from "../../machines/phases.ts";
import { isBooting, isChartPhase, isStopping, lifePartOf, stoppingState } from "../../machines/phases.ts";
import type { Attributes, Span } from "./api.ts";
import { activeSpan, failedStatus, kinds, startSpan, within } from "./api.ts";
import { attributes, exceptionEvent, spanNames } from "./conventions.ts";

type Fact<Type extends LifecycleFact["type"]> = Extract<LifecycleFact, { readonly type: Type }>;

/** What a life's traces are made of: facts of the chart, and the last one. */
export type LifeFact =
  | Fact<"state.entered">
  | Fact<"phase.ended">
  | Fact<"failed">
  | { readonly type: "stopped"; readonly outcome: string; readonly reason: string };

export interface Names {
  readonly service: string;
  readonly instance: string;
}

const failing = ["failed", "timeout"];

/** Ends a span with its outcome; `code` and `message` are those of the failure. */
const end = (span: Span, outcome: string, { time, failure }: { time?: number; failure?: Failed | undefined } = {}): void => {
  span.setAttributes({ [attributes.outcome]: outcome, ...(failure && { [attributes.errorType]: failure.code }) });
  if (failing.includes(outcome)) span.setStatus({ code: failedStatus, ...(failure && { message: failure.message }) });
  span.end(time);
};

interface Failed {
  readonly code: string;
  readonly message: string;
}

export class LifeTrace {
  readonly #names: Names;
  /** the span of the whole boot, and of the whole stop; kept beyond their ends, as what the next one is linked to */
  readonly #wholes = new Map<LifePart, Span>();
  /** the part that is under way */
  #part: LifePart | undefined;
  /** phases in which a hook runs */
  readonly #open = new Map<string, Span>();
  readonly #failures = new Map<string, Failed>();

  constructor(names: Names) {
    this.#names = names;
  }

  /** Takes a fact, in order. `at`: when it was emitted, ms since the epoch. */
  note(fact: LifeFact, at: number): void {
    if (fact.type === "state.entered") this.#enter(fact.state, at);
    if (fact.type === "phase.ended") this.#ended(fact);
    if (fact.type === "failed") this.#failed(fact, at);
    if (fact.type === "stopped") this.#finish(fact.outcome, at, { [attributes.reason]: fact.reason });
  }

  /** Calls a hook with the span of its phase as the active one; a hook of `run` has none, since its phase has no end that is near. */
  hook<T>(phase: string, at: number, call: () => T): T {
    const part = lifePartOf(phase);
    if (part === undefined || part !== this.#part) return call();
    const span = this.#open.get(phase) ?? this.#begin(phase, at);
    if (span === undefined) return call();
    this.#open.set(phase, span);
    return within(span, call);
  }

  /** Calls the work of a named phase under a span of its own, below the active one; where there is none, in a trace linked to the boot. */
  async phase<T>(name: string, call: () => Promise<T>, outcomeOf: (error: unknown) => string): Promise<T> {
    const parent = activeSpan();
    const boot = parent === undefined ? this.#wholes.get("boot") : undefined;
    const links = boot === undefined ? [] : [{ context: boot.spanContext() }];
    const span = startSpan(name, { attributes: this.#attributes(name), links }, parent);
    if (span === undefined) return call();
    try {
      const result = await within(span, call);
      end(span, "done");
      return result;
    } catch (error) {
      end(span, outcomeOf(error));
      throw error;
    }
  }

  #enter(state: string, at: number): void {
    if (isBooting(state)) this.#whole("boot", spanNames.boot(this.#names.service), at);
    else if (isStopping(state)) this.#stop(at);
    else if (this.#part === "boot") this.#finish("done", at);
  }

  #stop(at: number): void {
    if (this.#part === "boot") this.#finish(this.#failures.size > 0 ? "failed" : "aborted", at);
    this.#whole("stop", spanNames.stop(this.#names.service), at);
  }

  #whole(part: LifePart, name: string, startTime: number): void {
    if (this.#wholes.has(part)) return;
    const boot = this.#wholes.get("boot");
    const links = boot === undefined ? [] : [{ context: boot.spanContext() }];
    const { service, instance } = this.#names;
    const own = { [attributes.service]: service, [attributes.instance]: instance };
    const span = startSpan(name, { kind: kinds.internal, attributes: own, links, startTime });
    if (span === undefined) return;
    this.#wholes.set(part, span);
    this.#part = part;
  }

  /** Ends the boot or the stop, whichever is under way. */
  #finish(outcome: string, time: number, more: Attributes = {}): void {
    const span = this.#part && this.#wholes.get(this.#part);
    this.#part = undefined;
    if (span === undefined) return;
    span.setAttributes(more);
    const [failure] = this.#failures.values();
    end(span, outcome, { time, failure: failing.includes(outcome) ? failure : undefined });
  }

  #begin(phase: string, startTime: number): Span | undefined {
    const part = lifePartOf(phase);
    const whole = part && this.#wholes.get(part);
    return whole && startSpan(phase, { attributes: this.#attributes(phase), startTime }, whole);
  }

  /** A phase of a tier's own has its span where it was begun. */
  #ended({ phase, startedAt, durationMs, outcome }: Fact<"phase.ended">): void {
    const isStep = isStopping(phase) && phase !== stoppingState;
    if (!isChartPhase(phase) || !(isBooting(phase) || isStep)) return;
    const span = this.#open.get(phase) ?? this.#begin(phase, startedAt);
    this.#open.delete(phase);
    if (span !== undefined) end(span, outcome, { time: startedAt + durationMs, failure: this.#failures.get(phase) });
  }

  #failed({ phase, code, message }: Fact<"failed">, at: number): void {
    this.#failures.set(phase, { code, message });
    const span = this.#open.get(phase) ?? (this.#part && this.#wholes.get(this.#part));
    span?.addEvent(exceptionEvent, { [attributes.exceptionType]: code, [attributes.exceptionMessage]: message }, at);
  }

  #attributes(phase: string): Attributes {
    const { service, instance } = this.#names;
    return { [attributes.service]: service, [attributes.instance]: instance, [attributes.phase]: phase };
  }
}
