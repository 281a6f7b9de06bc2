/** Watches one service: what it did, as records, and the timers that its charts have set. */
import type { AnyActorRef, AnyMachineSnapshot, InspectedMicrostepEvent, InspectionEvent } from "xstate";
import type { LifecycleSnapshot } from "../../machines/index.ts";
import { leaseMachine, lifecycleMachine, statePath } from "../../machines/index.ts";
import { arrowId } from "../charts/graph.ts";
import { eventWord } from "../charts/words.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { CommandRefused, ServiceFact } from "../service/report/facts.ts";
import type { StargazerService } from "../service/service.ts";
import type { Happening, InspectionRecord, Noted } from "./records.ts";
import { RecordRing } from "./records.ts";

/** A timer that a chart has set: `pingTimeout`. Times in ms. */
export interface ChartTimer {
  readonly machine: string;
  readonly name: string;
  readonly startedAt: number;
  readonly delayMs: number;
}

export interface RecorderOptions {
  /** records that are kept; default 500 */
  readonly capacity?: number;
  readonly clock?: Clock;
}

/** Called with each new record, or with undefined when something else changed. */
export type RecorderListener = (record: InspectionRecord | undefined) => void;

const lifecycle = lifecycleMachine.id;
const lease = leaseMachine.id;

type System = AnyActorRef["system"];

const topOf = (path: string): string | undefined => path.split(".")[0];

/** Events of XState itself, which a chart never refuses. */
const isInternal = (type: string): boolean => type.startsWith("xstate.");

/** Watches from its construction until `stop`. The service contains what a listener throws. */
export class Recorder {
  readonly #ring: RecordRing;
  readonly #clock: Clock;
  readonly #paths = new Map<string, string>();
  readonly #listeners = new Set<RecorderListener>();
  readonly #endings: (() => void)[];
  #system: System | undefined;

  constructor(service: StargazerService, { capacity = 500, clock = systemClock }: RecorderOptions = {}) {
    this.#ring = new RecordRing(capacity);
    this.#clock = clock;
    this.#begin(service.actor.getSnapshot());
    const inspection = service.actor.inspect((event) => this.#inspect(event));
    const changed = () => this.#notify(undefined);
    const changes = service.actor.subscribe({ next: changed, complete: changed, error: changed });
    const unsubscribe = service.onFact((fact) => this.#addFact(fact));
    this.#endings = [() => inspection.unsubscribe(), () => changes.unsubscribe(), unsubscribe];
  }

  /** The number of the newest record; 0 before the first. */
  get newest(): number {
    return this.#ring.newest;
  }

  /** The timers that run now, of every machine; none before the first event. */
  get timers(): readonly ChartTimer[] {
    const scheduled = this.#system?.getSnapshot()._scheduledEvents ?? {};
    return Object.values(scheduled).flatMap(({ event, startedAt, delay: delayMs, source }) => {
      const name = /^xstate\.after\.([^.]+)\./.exec(event.type)?.[1];
      return name === undefined ? [] : [{ machine: source.id, name, startedAt, delayMs }];
    });
  }

  /** See `RecordRing.after`. */
  after(seq: number): readonly InspectionRecord[] {
    return this.#ring.after(seq);
  }

  /** Adds a record and notifies the listeners. */
  add(happening: Happening): void {
    this.#notify(this.#ring.add(happening, this.#clock.now()));
  }

  /** Calls `listener` from now on, until the returned function is called. */
  onChange(listener: RecorderListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the watch; the records stay. Legal any number of times. */
  stop(): void {
    for (const end of this.#endings.splice(0)) end();
    this.#listeners.clear();
    this.#system = undefined;
  }

  /** Reads where the charts are already. */
  #begin(snapshot: LifecycleSnapshot): void {
    const child = snapshot.children.lease;
    this.#paths.set(lifecycle, statePath(snapshot));
    if (child !== undefined) this.#paths.set(lease, statePath(child.getSnapshot()));
    this.#system = Object.values(snapshot.children)[0]?.system;
  }

  #inspect(event: InspectionEvent): void {
    if (event.type !== "@xstate.microstep") return;
    const actor = event.actorRef as AnyActorRef;
    this.#system = actor.system;
    const happening = this.#happeningOf(actor.id, event);
    if (happening !== undefined) this.add(happening);
    // the lifecycle's own changes come from its subscription, once a macrostep
    else if (actor.id !== lifecycle) this.#notify(undefined);
  }

  #happeningOf(machine: string, { event, snapshot, _transitions }: InspectedMicrostepEvent): Happening | undefined {
    const from = this.#paths.get(machine) ?? _transitions[0]?.source.id.slice(machine.length + 1) ?? "";
    const to = statePath(snapshot as AnyMachineSnapshot);
    this.#paths.set(machine, to);
    if (event.type === "xstate.init" || (isInternal(event.type) && _transitions.length === 0)) return undefined;
    const word = eventWord({ event: event.type, source: _transitions[0]?.source.id ?? machine });
    const common = { machine, event: event.type, word, from };
    if (_transitions.length === 0) return { kind: "refused", ...common };
    const edges = _transitions.flatMap(({ source, eventType, target }) =>
      target === undefined ? [] : [arrowId(source.id, eventType, target[0]?.id)],
    );
    const isBeat = (snapshot as AnyMachineSnapshot).hasTag("held") && topOf(from) === topOf(to);
    return edges.length === 0 ? undefined : { kind: "taken", ...common, to, edges, isBeat };
  }

  #addFact(fact: ServiceFact): void {
    if (fact.type === "command.refused") this.add(refusal(fact));
    else if (fact.type !== "state.entered") this.add({ kind: "fact", fact: slim(fact) });
  }

  #notify(record: InspectionRecord | undefined): void {
    for (const listener of this.#listeners) listener(record);
  }
}

const refusal = ({ command, path }: CommandRefused): Happening => ({
  kind: "refused",
  machine: lifecycle,
  event: command,
  word: command,
  from: path,
});

/** A fact without its error object or its whole report. */
const slim = (fact: ServiceFact): Noted["fact"] => {
  if (fact.type === "failed") return { type: fact.type, phase: fact.phase, code: fact.code, message: fact.message };
  if (fact.type === "stopped") return { type: fact.type, outcome: fact.outcome, reason: fact.reason, exitCode: fact.exitCode };
  return { ...fact };
};
