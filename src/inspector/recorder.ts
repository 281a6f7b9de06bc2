/** Watches one service: what it did, as records, and the timers that its charts have set. */
import type { AnyActorRef, AnyMachineSnapshot, InspectedMicrostepEvent, InspectionEvent } from "xstate";
import type { LifecycleSnapshot, StateWords } from "../../machines/index.ts";
import { leadershipMachine, leaseMachine, lifecycleMachine, statePath, statesOf } from "../../machines/index.ts";
import { arrowId } from "../charts/graph.ts";
import { eventWord } from "../charts/words.ts";
import type { ServiceClock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { CommandRefused, ServiceFact } from "../service/report/facts.ts";
import type { StargazerService } from "../service/service.ts";
import type { Happening, InspectionRecord, Noted } from "./records.ts";
import { RecordRing } from "./records.ts";

/** A timer that a chart has set: `pingTimeout`. Times in ms. */
export interface ChartTimer {
  readonly machine: string;
  readonly name: string;
  /** by the clock that measures */
  readonly startedAt: number;
  readonly delayMs: number;
}

/** When each timer was set, by the clock that measures. XState notes it by the wall clock only, which is right until that is set. */
type TimerStarts = WeakMap<object, number>;

export interface RecorderOptions {
  /** records that are kept; default 500 */
  readonly capacity?: number;
  readonly clock?: ServiceClock;
}

/** Called with each new record, or with undefined when something else changed. */
export type RecorderListener = (record: InspectionRecord | undefined) => void;

const lifecycle = lifecycleMachine.id;

/** Machines of which an event without an arrow is worth a record; the others drop events by design. */
const mayRefuse: readonly string[] = [lifecycle, leaseMachine.id];

/** Machines that renew something in Redis for as long as they run, with their states. */
const renewing = new Map([leaseMachine, leadershipMachine].map((machine) => [machine.id, statesOf(machine)]));

interface Place {
  readonly machine: string;
  readonly path: string;
}

type System = AnyActorRef["system"];

/** Events of XState itself, which a chart never refuses. */
const isInternal = (type: string): boolean => type.startsWith("xstate.");

/** Watches from its construction until `stop`. The service contains what a listener throws. */
export class Recorder {
  readonly #ring: RecordRing;
  readonly #clock: ServiceClock;
  readonly #timerStarts: TimerStarts = new WeakMap();
  /** Where each machine is, by actor. */
  readonly #places = new Map<string, Place>();
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

  /** Where each machine is that runs now, by its id, and where the lifecycle ended. */
  get paths(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#places.values()].map(({ machine, path }) => [machine, path]));
  }

  /** The timers that run now, of every machine; none before the first event. */
  get timers(): readonly ChartTimer[] {
    const scheduled = this.#system?.getSnapshot()._scheduledEvents ?? {};
    return Object.values(scheduled).flatMap((timer) => {
      const { event, delay: delayMs, source } = timer;
      const name = /^xstate\.after\.([^.]+)\./.exec(event.type)?.[1];
      return name === undefined ? [] : [{ machine: source.id, name, startedAt: this.#startOf(timer), delayMs }];
    });
  }

  /** See `RecordRing.after`. */
  after(seq: number): readonly InspectionRecord[] {
    return this.#ring.after(seq);
  }

  /** Adds a record and notifies the listeners. */
  add(happening: Happening): void {
    this.#notify(this.#ring.add(happening, this.#clock.epochNow()));
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

  /** Reads where the machines are already. */
  #begin(snapshot: LifecycleSnapshot): void {
    this.#places.set(lifecycle, { machine: lifecycle, path: statePath(snapshot) });
    const children = Object.values(snapshot.children as Readonly<Record<string, AnyActorRef | undefined>>);
    for (const child of children) if (child !== undefined) this.#place(child, child.getSnapshot());
    this.#system = children[0]?.system;
  }

  /** Notes where a machine is, and forgets one that has ended; the lifecycle's end stays. Other actors have no place. */
  #place(actor: AnyActorRef, snapshot: Partial<AnyMachineSnapshot> | undefined): void {
    const { machine, value, status } = snapshot ?? {};
    if (machine === undefined) return;
    if (status === "active" || machine.id === lifecycle) {
      this.#places.set(actor.id, { machine: machine.id, path: statePath({ value }) });
    } else this.#places.delete(actor.id);
  }

  #inspect(event: InspectionEvent): void {
    if (event.type !== "@xstate.microstep") return;
    const actor = event.actorRef as AnyActorRef;
    this.#system = actor.system;
    const before = this.#places.get(actor.id)?.path;
    this.#place(actor, event.snapshot as AnyMachineSnapshot);
    const happening = happeningOf(event, before);
    if (happening !== undefined) this.add(happening);
    // the lifecycle's own changes come from its subscription, once a macrostep
    else if (actor.id !== lifecycle) this.#notify(undefined);
  }

  #addFact(fact: ServiceFact): void {
    if (fact.type === "command.refused") this.add(refusal(fact));
    else if (fact.type !== "state.entered") this.add({ kind: "fact", fact: slim(fact) });
  }

  #startOf(timer: { readonly startedAt: number }): number {
    const known = this.#timerStarts.get(timer);
    if (known !== undefined) return known;
    const start = this.#clock.now() - Math.max(0, this.#clock.epochNow() - timer.startedAt);
    this.#timerStarts.set(timer, start);
    return start;
  }

  /** Reads the timers first, so that the start of each new one is noted before the wall clock may be set. */
  #notify(record: InspectionRecord | undefined): void {
    for (const timer of Object.values(this.#system?.getSnapshot()._scheduledEvents ?? {})) this.#startOf(timer);
    for (const listener of this.#listeners) listener(record);
  }
}

/** What a step was, in the words of the chart; undefined for a step that the chart does not show. */
const happeningOf = (
  { event, snapshot, _transitions }: InspectedMicrostepEvent,
  before: string | undefined,
): Happening | undefined => {
  const {
    machine: { id: machine },
  } = snapshot as AnyMachineSnapshot;
  const [first] = _transitions;
  const from = before ?? first?.source.id.slice(machine.length + 1) ?? "";
  const common = {
    machine,
    event: event.type,
    word: eventWord({ event: event.type, source: first?.source.id ?? machine }),
    from,
  };
  if (event.type === "xstate.init") return undefined;
  if (first === undefined)
    return isInternal(event.type) || !mayRefuse.includes(machine) ? undefined : { kind: "refused", ...common };
  const edges = _transitions.flatMap(({ source, eventType, target }) =>
    target === undefined ? [] : [arrowId(source.id, eventType, target[0]?.id)],
  );
  const to = statePath(snapshot as AnyMachineSnapshot);
  return edges.length === 0 ? undefined : { kind: "taken", ...common, to, edges, isBeat: isBeat(machine, from, to) };
};

/** Whether a machine that renews something in Redis did so, and is as well as before. */
const isBeat = (machine: string, from: string, to: string): boolean => {
  const states: readonly StateWords[] = renewing.get(machine) ?? [];
  const toneAt = (path: string) => states.find(({ name }) => name === path.split(".")[0])?.tone;
  const tone = toneAt(to);
  return tone === toneAt(from) && (tone === "good" || tone === "neutral");
};

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
