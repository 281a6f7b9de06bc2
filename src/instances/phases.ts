/** The phases of one boot and of its stop, as the journal has them. Those of `run` may be any number and are left out. */
import { isRunning } from "../../machines/index.ts";
import type { RowPhase } from "./row.ts";

const limit = 40;

export class Phases {
  #all: RowPhase[] = [];

  /** In the order of their beginnings. */
  get all(): readonly RowPhase[] {
    return [...this.#all].sort((a, b) => a.startedAt - b.startedAt);
  }

  begin(phase: string, at: number): void {
    this.#add({ phase, startedAt: at, ms: null, outcome: "" });
  }

  /** The end of a phase; one whose beginning is not in the journal is added. */
  end(phase: string, { at, ms, outcome }: { readonly at: number; readonly ms: number; readonly outcome: string }): void {
    const open = this.#all.findLastIndex((each) => each.phase === phase && each.ms === null);
    const startedAt = this.#all[open]?.startedAt ?? at - ms;
    if (open !== -1) this.#all.splice(open, 1);
    this.#add({ phase, startedAt, ms, outcome });
  }

  /** The phase within that path which began last and has not ended. */
  openWithin(path: string): RowPhase | undefined {
    return this.#all.findLast(({ phase, ms }) => ms === null && phase.startsWith(`${path}.`));
  }

  /** Drops all phases: a boot that is no longer the newest is shown without them. */
  forget(): void {
    this.#all = [];
  }

  #add(phase: RowPhase): void {
    if (isRunning(phase.phase)) return;
    if (this.#all.length >= limit) this.#all.shift();
    this.#all.push(phase);
  }
}
