/**
 * Remembers the last arrows that a service's chart took, and the last facts it told. Always on, so it keeps references and reduces
 * them only when somebody asks. Beats of the lease are not among them, or an hour of them would leave nothing else.
 */
import type { InspectionEvent } from "xstate";
import { statePath } from "../../machines/state.ts";
import { plain } from "../plain.ts";
import { Ring } from "../ring.ts";
import type { FlightEntry, FlightEvent } from "./recording.ts";

/** entries; some 40 are a whole life without trouble */
const capacity = 256;

interface Noted {
  readonly at: number;
  readonly event: { readonly type: string };
  /** the chart's, of a step; undefined for a fact */
  readonly value: unknown;
  readonly always: boolean;
}

export class FlightRecorder {
  readonly #ring = new Ring<Noted>(capacity);
  readonly #now: () => number;
  readonly #actor: string;
  #last: object | undefined;

  /** `actor`: the id of the one whose steps are kept. */
  constructor(actor: string, now: () => number) {
    this.#actor = actor;
    this.#now = now;
  }

  /** What an inspector of the actor system is told. */
  look(inspected: InspectionEvent): void {
    if (inspected.type !== "@xstate.microstep" || (inspected.actorRef as { id?: string }).id !== this.#actor) return;
    if (inspected._transitions.length === 0) return;
    const { event } = inspected;
    const { value } = inspected.snapshot as { value?: unknown };
    this.#ring.add({ at: this.#now(), event, value, always: event === this.#last });
    this.#last = event;
  }

  fact(fact: { readonly type: string }): void {
    this.#ring.add({ at: this.#now(), event: fact, value: undefined, always: false });
  }

  /** What is remembered, as plain JSON, oldest first. */
  recall(): { readonly dropped: number; readonly entries: FlightEntry[] } {
    return { dropped: this.#ring.dropped, entries: this.#ring.after().map(entryOf) };
  }
}

/** what belongs to XState, or is said elsewhere in the recording */
const left = new Set(["actorId", "cause", "phases", "failures", "input"]);
const bounds = { depth: 4, items: 32, length: 1000, without: left };

/** An event that cannot be read keeps its type. */
const plainEvent = (event: { readonly type: string }): FlightEvent => {
  const told = plain(event, bounds);
  return typeof told === "object" ? (told as FlightEvent) : { type: event.type };
};

const entryOf = ({ at, event, value, always }: Noted): FlightEntry => {
  const told = plainEvent(event);
  if (value === undefined) return { kind: "fact", at, fact: told };
  return { kind: "step", at, event: told, path: statePath({ value }), ...(always ? { always } : {}) };
};
