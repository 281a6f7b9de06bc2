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
    const names = new Set(listed.map(nameOf));
    const missing = [...this.#known.values()].filter((entry) => !names.has(nameOf(entry)));
    return [...listed.flatMap((entry) => this.#put(entry)), ...missing.flatMap((entry) => this.#remove("expired", entry))];
  }

  /** After a message of the stream. `now` is the entry that Redis has by this time, if it still has one. */
  apply(event: StreamEvent, now: RegistryEntry | undefined): RegistryEvent[] {
    const known = this.#known.get(nameOf(event));
    switch (event.type) {
      case "registered":
      case "updated":
        return now === undefined || !isSame(now, event)
          ? []
          : this.#put({ ...now, status: event.status as LeaseStatus, since: event.since });
      case "deregistered":
        return known === undefined || isNewer(known, event) ? [] : this.#remove("deregistered", known);
      case "expired":
        return known === undefined || now !== undefined ? [] : this.#remove("expired", known);
      default:
        return [];
    }
  }

  #put(entry: RegistryEntry): RegistryEvent[] {
    const known = this.#known.get(nameOf(entry));
    if (known !== undefined && isNewer(known, entry)) return [];
    this.#known.set(nameOf(entry), entry);
    if (known === undefined || !isSame(known, entry)) return [{ type: "registered", entry }];
    return JSON.stringify(known) === JSON.stringify(entry) ? [] : [{ type: "updated", entry }];
  }

  #remove(type: "deregistered" | "expired", entry: RegistryEntry): RegistryEvent[] {
    this.#known.delete(nameOf(entry));
    return [{ type, entry }];
  }
}
