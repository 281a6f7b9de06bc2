/** What a watcher knows of the fleet, and which events follow from the next message or listing. */
import type { LeaseStatus } from "../../machines/index.ts";
import type { InstanceName, RegistryEntry } from "./entry.ts";
import type { RegistryEvent, StreamEvent } from "./events.ts";

/** One text for each instance: neither name contains a colon. */
export const nameOf = ({ service, instance }: InstanceName): string => `${service}:${instance}`;

type Boot = Pick<RegistryEntry, "incarnation" | "boot">;

const isNewer = (a: Boot, b: Boot): boolean =>
  a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.boot > b.boot);

const isSame = (a: Boot, b: Boot): boolean => a.incarnation === b.incarnation && a.boot === b.boot;

/** Turns stream messages and listings into events that follow from each other: nothing ends that was not registered before. */
export class FleetView {
  readonly #known = new Map<string, RegistryEntry>();

  get size(): number {
    return this.#known.size;
  }

  /** After a listing: what is new, what changed, and what is no longer there. */
  sync(listed: readonly RegistryEntry[]): RegistryEvent[] {
    const missing = new Map(this.#known);
    const events: RegistryEvent[] = [];
    for (const entry of listed) {
      const name = nameOf(entry);
      missing.delete(name);
      const event = this.#put(name, entry);
      if (event !== undefined) events.push(event);
    }
    for (const [name, entry] of missing) events.push(this.#remove("expired", name, entry));
    return events;
  }

  /** After a message of the stream. `now` is the entry that Redis has by this time, if it still has one. */
  apply(event: StreamEvent, now: RegistryEntry | undefined): RegistryEvent | undefined {
    const name = nameOf(event);
    const known = this.#known.get(name);
    switch (event.type) {
      case "registered":
      case "updated":
        return now === undefined || !isSame(now, event)
          ? undefined
          : this.#put(name, { ...now, status: event.status as LeaseStatus, since: event.since });
      case "deregistered":
        return known === undefined || isNewer(known, event) ? undefined : this.#remove("deregistered", name, known);
      case "expired":
        return known === undefined || now !== undefined ? undefined : this.#remove("expired", name, known);
      default:
        return undefined;
    }
  }

  #put(name: string, entry: RegistryEntry): RegistryEvent | undefined {
    const known = this.#known.get(name);
    if (known !== undefined && isNewer(known, entry)) return undefined;
    this.#known.set(name, entry);
    if (known === undefined || !isSame(known, entry)) return { type: "registered", entry };
    return JSON.stringify(known) === JSON.stringify(entry) ? undefined : { type: "updated", entry };
  }

  #remove(type: "deregistered" | "expired", name: string, entry: RegistryEntry): RegistryEvent {
    this.#known.delete(name);
    return { type, entry };
  }
}
