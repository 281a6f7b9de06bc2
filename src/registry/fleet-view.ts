/** What a watcher has told so far, and what follows from the next news. */
import type { LeaseStatus } from "../../machines/index.ts";
import type { RegistryEntry } from "./entry.ts";
import type { RegistryEvent, StreamEvent } from "./events.ts";

const nameOf = ({ service, instance }: { service: string; instance: string }): string => `${service}:${instance}`;

const isNewer = (a: RegistryEntry, b: Pick<RegistryEntry, "incarnation" | "boot">): boolean =>
  a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.boot > b.boot);

const isSame = (a: RegistryEntry, b: Pick<RegistryEntry, "incarnation" | "boot">): boolean =>
  a.incarnation === b.incarnation && a.boot === b.boot;

/** Turns stream messages and listings into events that always make sense one after the other. */
export class FleetView {
  readonly #known = new Map<string, RegistryEntry>();

  get size(): number {
    return this.#known.size;
  }

  /** After a listing: what is new, what changed, and what is no longer there. */
  sync(listed: readonly RegistryEntry[]): RegistryEvent[] {
    const names = new Set(listed.map(nameOf));
    const missing = [...this.#known.values()].filter((entry) => !names.has(nameOf(entry)));
    return [...listed.flatMap((entry) => this.#put(entry)), ...missing.flatMap((entry) => this.#drop("expired", entry))];
  }

  /** After a message of the stream. `now` is the entry as Redis has it by this time, if it still has one. */
  apply(event: StreamEvent, now: RegistryEntry | undefined): RegistryEvent[] {
    const held = this.#known.get(nameOf(event));
    switch (event.type) {
      case "registered":
      case "updated":
        return now === undefined || !isSame(now, event)
          ? []
          : this.#put({ ...now, status: event.status as LeaseStatus, since: event.since });
      case "deregistered":
        return held === undefined || isNewer(held, event) ? [] : this.#drop("deregistered", held);
      case "expired":
        return held === undefined || now !== undefined ? [] : this.#drop("expired", held);
      default:
        return [];
    }
  }

  #put(entry: RegistryEntry): RegistryEvent[] {
    const held = this.#known.get(nameOf(entry));
    if (held !== undefined && isNewer(held, entry)) return [];
    this.#known.set(nameOf(entry), entry);
    if (held === undefined || !isSame(held, entry)) return [{ type: "registered", entry }];
    return JSON.stringify(held) === JSON.stringify(entry) ? [] : [{ type: "updated", entry }];
  }

  #drop(type: "deregistered" | "expired", entry: RegistryEntry): RegistryEvent[] {
    this.#known.delete(nameOf(entry));
    return [{ type, entry }];
  }
}

/** Notices when most of what was known expires within a short time. */
export class VanishWatch {
  readonly #windowMs: number;
  #ends: number[] = [];
  #stale = false;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get isStale(): boolean {
    return this.#stale;
  }

  /** How many ended just now, of how many that remain. Returns the number of the vanished when they become more than half. */
  note(ended: number, remaining: number, now: number): number | undefined {
    this.#ends = [...this.#ends.filter((at) => at > now - this.#windowMs), ...Array<number>(ended).fill(now)];
    const vanished = this.#ends.length;
    const most = vanished > 1 && vanished > remaining;
    const news = most && !this.#stale;
    this.#stale = most;
    return news ? vanished : undefined;
  }
}
