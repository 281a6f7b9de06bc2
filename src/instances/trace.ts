/** The states that one boot went through, with its readiness, in the order of time. */
import type { StateName } from "../../machines/index.ts";

/** From `at` on the instance was in that state, and took traffic or did not. */
export interface Mark {
  readonly at: number;
  readonly state: StateName;
  readonly ready: boolean | null;
}

/** how many marks are kept; readiness may come and go any number of times */
const limit = 120;

export class Trace {
  readonly #marks: Mark[] = [];

  get marks(): readonly Mark[] {
    return this.#marks;
  }

  /** The boot began earlier than its first mark has it. */
  beginAt(at: number): void {
    const first = this.#marks[0];
    if (first !== undefined) this.#marks[0] = { ...first, at: Math.min(first.at, at) };
  }

  /** Adds a mark where it differs from the last one; the first one stays, it is the boot. */
  add(mark: Mark): void {
    const last = this.#marks.at(-1);
    if (last?.state === mark.state && last.ready === mark.ready) return;
    this.#marks.push({ ...mark, at: Math.max(mark.at, last?.at ?? mark.at) });
    if (this.#marks.length > limit) this.#marks.splice(1, 1);
  }
}
