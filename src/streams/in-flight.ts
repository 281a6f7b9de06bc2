/** The entries that one consumer works on: one lane for each conversation, so that its messages stay in order. */

interface Held {
  readonly controller: AbortController;
  readonly settled: Promise<void>;
}

export class InFlight {
  readonly #held = new Map<string, Held>();
  readonly #lanes = new Map<string, Promise<void>>();
  #wake = () => {};

  get size(): number {
    return this.#held.size;
  }

  get ids(): string[] {
    return [...this.#held.keys()];
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** Begins `work` once everything earlier in its lane has ended. `work` never rejects. */
  add(id: string, lane: string, work: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    const before = this.#lanes.get(lane) ?? Promise.resolve();
    const settled = before.then(() => work(controller.signal)).finally(() => this.#remove(id, lane, settled));
    this.#held.set(id, { controller, settled });
    this.#lanes.set(lane, settled);
  }

  /** Aborts the work on an entry; without such an entry it does nothing. */
  abort(id: string, reason: string): void {
    this.#held.get(id)?.controller.abort(new DOMException(reason, "AbortError"));
  }

  /** Resolves once any work has finished, at once if none is under way. For one waiter. */
  next(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Resolves once all work has finished. */
  async all(): Promise<void> {
    await Promise.allSettled([...this.#held.values()].map(({ settled }) => settled));
  }

  #remove(id: string, lane: string, settled: Promise<void>): void {
    this.#held.delete(id);
    if (this.#lanes.get(lane) === settled) this.#lanes.delete(lane);
    this.#wake();
  }
}
