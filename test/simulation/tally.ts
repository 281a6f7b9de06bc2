/** What a run of the simulation has met, to see that it met anything. */

export type Counts = Record<string, number>;

export class Tally {
  readonly #kinds = { states: new Map(), leases: new Map(), faults: new Map(), outcomes: new Map() };

  state(path: string): void {
    count(this.#kinds.states, path);
  }

  lease(path: string): void {
    count(this.#kinds.leases, path);
  }

  fault(what: string): void {
    count(this.#kinds.faults, what);
  }

  outcome(outcome: string): void {
    count(this.#kinds.outcomes, outcome);
  }

  /** As JSON may carry it. */
  get counts(): Readonly<Record<"states" | "leases" | "faults" | "outcomes", Counts>> {
    const { states, leases, faults, outcomes } = this.#kinds;
    const plain = Object.fromEntries;
    return { states: plain(states), leases: plain(leases), faults: plain(faults), outcomes: plain(outcomes) };
  }
}

const count = (counts: Map<string, number>, what: string): void => {
  counts.set(what, (counts.get(what) ?? 0) + 1);
};

export const addCounts = (a: Counts, b: Counts): Counts => {
  const sum = { ...a };
  for (const [what, times] of Object.entries(b)) sum[what] = (sum[what] ?? 0) + times;
  return sum;
};
