/**
 * The fleet as a log that keeps the last event of each instance. A reader is a position in it: it reads on at its own pace, misses
 * nothing that still matters, and comes back where it left off. The log is as long as the fleet, however slow a reader is.
 */
import { randomBytes } from "node:crypto";
import { eventText } from "../../http/event-stream.ts";

/** events of instances that are gone, kept for readers that come back */
const goneLimit = 1000;

interface Item {
  readonly seq: number;
  /** in the format of an event stream */
  readonly text: string;
  readonly isGone: boolean;
}

export class FleetLog {
  /** in the order of their numbers */
  readonly #items = new Map<string, Item>();
  /** the names of those that are gone, the oldest first */
  readonly #gone = new Set<string>();
  /** Distinguishes this log from the one of another process. */
  readonly epoch = randomBytes(8).toString("hex");
  #newest = 0;
  #forgotten = 0;

  /** The number of the last event; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** The highest number of an event that is no longer kept and was not replaced; 0 if there is none. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Puts an event in place of the last one of that name. */
  put(name: string, data: object, { isGone }: { readonly isGone: boolean }): void {
    this.#newest += 1;
    const text = eventText({ id: `${this.epoch}-${this.#newest}`, data });
    this.#items.delete(name);
    this.#items.set(name, { seq: this.#newest, text, isGone });
    this.#gone.delete(name);
    if (isGone) this.#gone.add(name);
    const [oldest] = this.#gone;
    if (this.#gone.size > goneLimit) this.#forget(oldest!);
  }

  /** From the oldest event on, and those that are put later. It ends for good when it is asked beyond the newest. */
  items(): IterableIterator<Item> {
    return this.#items.values();
  }

  #forget(name: string): void {
    this.#forgotten = Math.max(this.#forgotten, this.#items.get(name)!.seq);
    this.#items.delete(name);
    this.#gone.delete(name);
  }
}

const position = /^([\da-f]{16})-(\d{1,15})$/;

/** A position in a log. */
export class LogReader {
  /** whether it goes on behind the event that it was given */
  readonly isResumed: boolean;
  readonly #log: FleetLog;
  readonly #items: IterableIterator<Item>;
  /** the number of the last event that was read */
  #seq: number;
  /** Events up to this number that an instance is gone are not read: this reader does not know the instance. */
  readonly #from: number;

  /** Begins behind the event with the id `after`, else with the oldest. */
  constructor(log: FleetLog, after: string | undefined) {
    const [, epoch, seq] = position.exec(after ?? "") ?? [];
    this.isResumed = epoch === log.epoch && Number(seq) <= log.newest && Number(seq) >= log.forgotten;
    this.#log = log;
    this.#items = log.items();
    this.#seq = this.isResumed ? Number(seq) : 0;
    this.#from = this.isResumed ? 0 : log.newest;
  }

  /** Whether an event that this reader needs is no longer kept: only a new reader is complete. */
  get isLost(): boolean {
    return this.#log.forgotten > Math.max(this.#seq, this.#from);
  }

  /** Whether there is no event that it has not read. */
  get isAtEnd(): boolean {
    return this.#seq === this.#log.newest;
  }

  /** The next events, in all at least `length` characters where there are so many; empty at the end. */
  next(length: number): string {
    const texts: string[] = [];
    let size = 0;
    while (this.#seq < this.#log.newest && size < length) {
      const { seq, text, isGone } = this.#items.next().value as Item;
      if (seq <= this.#seq) continue;
      this.#seq = seq;
      if (isGone && seq <= this.#from) continue;
      texts.push(text);
      size += text.length;
    }
    return texts.join("");
  }
}
