/**
 * Keeps the last transitions of a service's chart and its last facts. It always records, so it keeps references and reduces them to
 * JSON on demand. The steps of children are left out (an hour of a lease's beats, or of a follower's polls, would leave nothing
 * else); what they report arrives as events of the service and as its facts.
 */
import type { InspectionEvent } from "xstate";
import type { LifecycleSnapshot } from "../../machines/index.ts";
import { rounded } from "../../machines/phases.ts";
import { statePath } from "../../machines/state.ts";
import type { ServiceClock } from "../clock.ts";
import type { Bounds } from "../plain.ts";
import { plain } from "../plain.ts";
import { Ring } from "../ring.ts";
import type { FlightEntry, FlightEvent } from "./recording.ts";

/** entries; a whole life without trouble has some 40 */
const capacity = 256;

/** What happened, as it was noted. */
export interface Noted {
  /** ms since the epoch */
  readonly at: number;
  /** ms of the clock that measures */
  readonly measuredAt: number;
  readonly event: { readonly type: string };
  /** the chart's state value after a step; undefined for a fact */
  readonly value: unknown;
  readonly always: boolean;
}

/** Gets each entry as it is noted; `snapshot`: the chart's after a step, in the middle of its transition. */
export type Follower = (noted: Noted, snapshot?: LifecycleSnapshot) => void;

type RecorderClock = Pick<ServiceClock, "now" | "epochNow">;

export class FlightRecorder {
  readonly #ring = new Ring<Noted>(capacity);
  readonly #clock: RecorderClock;
  readonly #actor: string;
  #last: object | undefined;
  #follower: Follower | undefined;

  /** `actor`: the id of the actor whose steps are kept. */
  constructor(actor: string, clock: RecorderClock) {
    this.#actor = actor;
    this.#clock = clock;
  }

  /** For `system.inspect`. */
  look(inspected: InspectionEvent): void {
    if (inspected.type !== "@xstate.microstep" || (inspected.actorRef as { id?: string }).id !== this.#actor) return;
    if (inspected._transitions.length === 0) return;
    const { event } = inspected;
    const snapshot = inspected.snapshot as LifecycleSnapshot;
    this.#add({ event, value: snapshot.value, always: event === this.#last }, snapshot);
    this.#last = event;
  }

  fact(fact: { readonly type: string }): void {
    this.#add({ event: fact, value: undefined, always: false });
  }

  /** Calls `follower` with each entry that is kept, then with each new one. It must not throw; a later call takes its place. */
  follow(follower: Follower): void {
    for (const noted of this.#ring.after()) follower(noted);
    this.#follower = follower;
  }

  /** The entries as plain JSON, oldest first. `constructedAt`: the construction of the service, by the clock that measures. */
  recall(constructedAt: number): { readonly dropped: number; readonly entries: FlightEntry[] } {
    return { dropped: this.#ring.dropped, entries: this.#ring.after().map((noted) => entryOf(noted, constructedAt)) };
  }

  #add(step: Pick<Noted, "event" | "value" | "always">, snapshot?: LifecycleSnapshot): void {
    const noted = { at: this.#clock.epochNow(), measuredAt: this.#clock.now(), ...step };
    this.#ring.add(noted);
    this.#follower?.(noted, snapshot);
  }
}

/** keys of XState's own, keys that are elsewhere in the recording, and the chart of a companion */
const left = new Set(["actorId", "phases", "failures", "input", "logic", "began"]);
const bounds = { depth: 4, items: 32, length: 1000, without: left };
/** the stack of a failure, and of what led to it, is in its fact; the events before it have words alone */
const factBounds = { ...bounds, stack: 2000 };

/** An event that cannot be reduced keeps its type. */
const plainEvent = (event: { readonly type: string }, within: Bounds): FlightEvent => {
  const reduced = plain(event, within);
  return typeof reduced === "object" ? (reduced as FlightEvent) : { type: event.type };
};

const entryOf = ({ measuredAt, event, value, always, at }: Noted, constructedAt: number): FlightEntry => {
  const moment = { at, offsetMs: rounded(measuredAt - constructedAt) };
  if (value === undefined) return { kind: "fact", ...moment, fact: plainEvent(event, factBounds) };
  return { kind: "step", ...moment, event: plainEvent(event, bounds), path: statePath({ value }), ...(always ? { always } : {}) };
};
