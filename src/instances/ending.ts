/** How one boot ended, as far as it is known. */
import type { RowEnd } from "./row.ts";

/** `assumed` from silence, which a later sign of life takes back; `said` by the instance or its parent. */
type Certainty = "assumed" | "said";

export class Ending {
  #end: RowEnd | null = null;
  #certainty: Certainty | undefined;

  get end(): RowEnd | null {
    return this.#end;
  }

  get isSaid(): boolean {
    return this.#certainty === "said";
  }

  /** The first assumption stays until the instance or its parent says more. */
  assume(end: RowEnd): void {
    if (this.#end === null) this.#set(end, "assumed");
  }

  say(end: RowEnd): void {
    this.#set(end, "said");
  }

  /** A sign of life at that time: an end that was only assumed did not happen. */
  refute(at: number): void {
    if (this.#certainty !== "assumed" || this.#end!.at > at) return;
    this.#end = null;
    this.#certainty = undefined;
  }

  #set(end: RowEnd, certainty: Certainty): void {
    this.#end = end;
    this.#certainty = certainty;
  }
}
