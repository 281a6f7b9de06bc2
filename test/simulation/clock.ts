/** Virtual time: one binary heap of timers for a whole world. Nothing here waits: the caller fires one timer after another. */

/** Where virtual time begins, ms since the epoch. */
export const epochMs = 1_700_000_000_000;

/** Whose timers wait while it is paused, and never fire once it has crashed. */
export interface Owner {
  readonly isPaused: boolean;
  readonly isCrashed: boolean;
  /** takes a timer that came due in a pause; `VirtualClock.restore` brings it back */
  keep(timer: Timer): void;
}

export interface Timer {
  at: number;
  /** ties fire in the order in which they were made */
  order: number;
  readonly owner: Owner | undefined;
  readonly label: string;
  fn: (() => void) | undefined;
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class VirtualClock {
  #now = 0;
  #order = 0;
  readonly #heap: Timer[] = [];

  /** ms since the world began */
  get now(): number {
    return this.#now;
  }

  schedule(fn: () => void, ms: number, label: string, owner?: Owner): Timer {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, owner, label, fn };
    this.#insert(timer);
    return timer;
  }

  cancel(timer: Timer): void {
    timer.fn = undefined;
  }

  /** Fires the next timer, named to `before` beforehand, and returns it; undefined when none is left. */
  step(before: (label: string) => void = () => {}): Timer | undefined {
    for (let timer = this.#takeFirst(); timer !== undefined; timer = this.#takeFirst()) {
      const { fn, owner } = timer;
      if (fn === undefined || owner?.isCrashed) continue;
      this.#now = timer.at;
      if (owner?.isPaused) {
        owner.keep(timer);
        continue;
      }
      timer.fn = undefined;
      before(timer.label);
      fn();
      return timer;
    }
    return undefined;
  }

  /** Makes timers that were kept through a pause due now, in the order given. */
  restore(timers: readonly Timer[]): void {
    for (const timer of timers) {
      timer.at = this.#now;
      timer.order = this.#order++;
      this.#insert(timer);
    }
  }

  #insert(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(timer, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = timer;
  }

  #takeFirst(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}
