/** Watches one service: what it did, as records, and which timers its charts have set. */
import type { AnyActorRef, AnyMachineSnapshot, InspectedMicrostepEvent, InspectionEvent } from "xstate";
import type { LifecycleSnapshot } from "../../machines/index.ts";
import { statePath } from "../../machines/index.ts";
import { arrowId } from "../charts/graph.ts";
import { eventWord } from "../charts/words.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { CommandRefused, ServiceFact } from "../service/report/facts.ts";
import type { StargazerService } from "../service/service.ts";
import type { Happening, InspectionRecord, Noted } from "./records.ts";
import { RecordRing } from "./records.ts";

/** A deadline that a chart has set: `pingTimeout`, since when, and how long. Times in ms. */
export interface ChartTimer {
  readonly machine: string;
  readonly name: string;
  readonly startedAt: number;
  readonly delayMs: number;
}

export interface RecorderOptions {
  /** how many records are kept; default 500 */
  readonly capacity?: number;
  readonly clock?: Clock;
}

/** Told of a new record, or, without one, that the service looks different. */
export type RecorderListener = (record: InspectionRecord | undefined) => void;

type System = AnyActorRef["system"];

/** Events of XState itself, the end of a child that nobody waits for among them: nothing that a chart could refuse. */
const isOwn = (type: string): boolean => type.startsWith("xstate.");

/** Costs nothing before it is made, and nothing after `stop`. What a listener throws is the service's to contain. */
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
    const inspection = service.actor.inspect((event) => this.#look(event));
    const changed = () => this.#tell(undefined);
    const changes = service.actor.subscribe({ next: changed, complete: changed, error: changed });
    const unhear = service.onFact((fact) => this.#hear(fact));
    this.#endings = [() => inspection.unsubscribe(), () => changes.unsubscribe(), unhear];
  }

  /** The number of the newest record; 0 before the first. */
  get newest(): number {
    return this.#ring.newest;
  }

  /** The timers that run now, lifecycle and lease; none before the first event. */
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

  /** Notes what only the caller saw: a command that it refused. */
  note(happening: Happening): void {
    this.#tell(this.#ring.add(happening, this.#clock.now()));
  }

  /** Calls `listener` from now on, until the returned function is called. */
  onChange(listener: RecorderListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks no more; what was recorded stays. Legal any number of times. */
  stop(): void {
    for (const end of this.#endings.splice(0)) end();
    this.#listeners.clear();
    this.#system = undefined;
  }

  /** Where the charts are already. */
  #begin(snapshot: LifecycleSnapshot): void {
    const lease = snapshot.children.lease;
    this.#paths.set("lifecycle", statePath(snapshot));
    if (lease !== undefined) this.#paths.set("lease", statePath(lease.getSnapshot()));
    this.#system = Object.values(snapshot.children)[0]?.system;
  }

  #look(event: InspectionEvent): void {
    if (event.type !== "@xstate.microstep") return;
    const actor = event.actorRef as AnyActorRef;
    this.#system = actor.system;
    const happening = this.#happeningOf(actor.id, event);
    if (happening !== undefined) this.note(happening);
    // the lifecycle's own changes are told by its subscription, once a macrostep
    else if (actor.id !== "lifecycle") this.#tell(undefined);
  }

  #happeningOf(machine: string, { event, snapshot, _transitions }: InspectedMicrostepEvent): Happening | undefined {
    const from = this.#paths.get(machine) ?? _transitions[0]?.source.id.slice(machine.length + 1) ?? "";
    const to = statePath(snapshot as AnyMachineSnapshot);
    this.#paths.set(machine, to);
    if (event.type === "xstate.init" || (isOwn(event.type) && _transitions.length === 0)) return undefined;
    const word = eventWord({ event: event.type, source: _transitions[0]?.source.id ?? machine });
    const common = { machine, event: event.type, word, from };
    if (_transitions.length === 0) return { kind: "refused", ...common };
    const edges = _transitions.flatMap(({ source, eventType, target }) =>
      target === undefined ? [] : [arrowId(source.id, eventType, target[0]?.id)],
    );
    return edges.length === 0 ? undefined : { kind: "taken", ...common, to, edges };
  }

  #hear(fact: ServiceFact): void {
    if (fact.type === "command.refused") this.note(refusal(fact));
    else if (fact.type !== "state.entered") this.note({ kind: "fact", fact: slim(fact) });
  }

  #tell(record: InspectionRecord | undefined): void {
    for (const listener of this.#listeners) listener(record);
  }
}

const refusal = ({ command, path }: CommandRefused): Happening => ({
  kind: "refused",
  machine: "lifecycle",
  event: command,
  word: command,
  from: path,
});

/** Errors and whole reports stay where they are. */
const slim = (fact: ServiceFact): Noted["fact"] => {
  if (fact.type === "failed") return { type: fact.type, phase: fact.phase, code: fact.code, message: fact.message };
  if (fact.type === "stopped") return { type: fact.type, outcome: fact.outcome, reason: fact.reason, exitCode: fact.exitCode };
  return { ...fact };
};
