/** The fleet, from the events of the registry and the entries of the journal. Pure: it opens nothing and reads no clock. */
import type { JournalEntry } from "../journal/entry.ts";
import type { InstanceName } from "../registry/entry.ts";
import type { RegistryEvent } from "../registry/events.ts";
import { nameOf } from "../registry/fleet-view.ts";
import { History } from "./history.ts";
import { keptMs } from "./kept.ts";
import type { Row } from "./row.ts";

/** how many ended instances of a service are kept, and how many instances in no registry, at most */
const dead = { ofService: 50, unregistered: 10_000 };

/** What is known of each instance. An instance has one row: that of its newest boot. */
export class FleetModel {
  readonly #histories = new Map<string, History>();
  /** those that are in no registry, the one that changed longest ago first */
  readonly #unregistered = new Map<string, History>();
  /** those of them that have ended, by service, in the order of their ends */
  readonly #dead = new Map<string, Map<string, History>>();
  /** those whose end is assumed if they write nothing more */
  readonly #awaited = new Set<History>();
  readonly #changed = new Set<History>();
  #removed: string[] = [];
  #now = 0;

  /** Takes in what a watch of the registry emits. `stale` and `synced` concern no instance. */
  apply(event: RegistryEvent): void {
    if (event.type === "stale" || event.type === "synced") return;
    const { type, entry } = event;
    const history = this.#historyOf(entry);
    if (type === "registered" || type === "updated") history.takeEntry(entry, this.#now);
    else if (this.#histories.has(history.name)) history.dropEntry(type, entry, this.#now);
    else return;
    this.#note(history);
  }

  /** Takes in one entry of the journal. */
  note(entry: JournalEntry): void {
    if (entry.items.length === 0) return;
    this.#now = Math.max(this.#now, entry.at);
    const history = this.#historyOf(entry);
    history.note(entry);
    this.#note(history);
  }

  /** The ends of leases, as Redis has them: of all instances, or of those whose lease ends soon. */
  noteLeases(ends: ReadonlyMap<string, number>): void {
    for (const [name, until] of ends) {
      const history = this.#histories.get(name);
      if (history?.noteLease(until, this.#now)) this.#changed.add(history);
    }
  }

  /** The lease of an instance ended then, and no reader has published it yet. */
  noteLeaseEnd(name: string, at: number): void {
    const history = this.#histories.get(name);
    if (history === undefined || !history.isRegistered) return;
    history.expire(at);
    this.#note(history);
  }

  /** Sets the time of Redis: assumes the ends that are due, and removes instances that ended 24 h ago. */
  tick(now: number): void {
    this.#now = Math.max(this.#now, now);
    for (const history of [...this.#awaited]) if (history.fallSilent(this.#now)) this.#note(history);
    for (const [service, ended] of this.#dead) {
      for (const history of ended.values()) {
        if (history.newest.end !== null && history.newest.end.at > this.#now - keptMs) break;
        this.#remove(history);
      }
      if (ended.size === 0) this.#dead.delete(service);
    }
  }

  /** One row for each instance, ended ones included, in no order. The same object until something of it changes. */
  rows(): readonly Row[] {
    return [...this.#histories.values()].map((history) => history.row(this.#now));
  }

  /** `name`: `service:instance`. */
  row(name: string): Row | undefined {
    return this.#histories.get(name)?.row(this.#now);
  }

  /** The rows that have changed since the last call. */
  changed(): readonly Row[] {
    const rows = [...this.#changed].map((history) => history.row(this.#now));
    this.#changed.clear();
    return rows;
  }

  /** The names of the rows that were removed since the last call. */
  removed(): readonly string[] {
    const names = this.#removed;
    this.#removed = [];
    return names;
  }

  #historyOf(instance: InstanceName): History {
    return this.#histories.get(nameOf(instance)) ?? new History(instance);
  }

  #note(history: History): void {
    const { name } = history;
    this.#histories.set(name, history);
    this.#changed.add(history);
    this.#unregistered.delete(name);
    if (!history.isRegistered) this.#unregistered.set(name, history);
    this.#sortDead(history);
    if (history.newest.quietAt === null) this.#awaited.delete(history);
    else this.#awaited.add(history);
    if (this.#unregistered.size > dead.unregistered) this.#remove(this.#unregistered.values().next().value!);
  }

  #sortDead(history: History): void {
    const [service] = history.name.split(":", 1) as [string];
    const ended = this.#dead.get(service) ?? new Map<string, History>();
    ended.delete(history.name);
    if (history.newest.end !== null) ended.set(history.name, history);
    if (ended.size > dead.ofService) this.#remove(ended.values().next().value!);
    if (ended.size > 0) this.#dead.set(service, ended);
    else this.#dead.delete(service);
  }

  #remove(history: History): void {
    const { name } = history;
    this.#histories.delete(name);
    this.#unregistered.delete(name);
    this.#dead.get(name.split(":", 1)[0]!)?.delete(name);
    this.#awaited.delete(history);
    this.#changed.delete(history);
    this.#removed.push(name);
  }
}
