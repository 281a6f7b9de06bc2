/** A ring buffer: the latest items, up to a capacity, numbered from 1. */
export class Ring<T> {
  readonly #slots: T[] = [];
  readonly #capacity: number;
  #added = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The number of the newest item; 0 before the first. */
  get newest(): number {
    return this.#added;
  }

  /** How many items were overwritten. */
  get dropped(): number {
    return Math.max(0, this.#added - this.#capacity);
  }

  add(item: T): void {
    this.#slots[this.#added % this.#capacity] = item;
    this.#added += 1;
  }

  /** The items after that number, oldest first, without those that were overwritten. */
  after(number = 0): T[] {
    const items: T[] = [];
    for (let at = Math.max(number, this.dropped); at < this.#added; at += 1) items.push(this.#slots[at % this.#capacity]!);
    return items;
  }
}
