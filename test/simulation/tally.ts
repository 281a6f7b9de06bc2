/** What a run of the simulation has met, to see that it met anything. */

export type Counts = Record<string, number>;

export class Tally {
  readonly states: Counts = {};
  readonly leases: Counts = {};
  readonly faults: Counts = {};
  readonly outcomes: Counts = {};

  state(path: string): void {
    count(this.states, path);
  }

  lease(fact: string): void {
    count(this.leases, fact);
  }

  fault(what: string): void {
    count(this.faults, what);
  }

  outcome(outcome: string): void {
    count(this.outcomes, outcome);
  }
}

const count = (counts: Counts, what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1;
};

/** Adds the counts of `from` to `to`. */
export const addCounts = (to: Counts, from: Counts): void => {
  for (const [what, times] of Object.entries(from)) to[what] = (to[what] ?? 0) + times;
};
