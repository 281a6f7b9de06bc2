/** How one boot ended, as far as it is known. */
import type { RowEnd } from "./row.ts";

/** `assumed`: after a while without a message, until a later message refutes it. `written`: by the instance or its parent. */
type Certainty = "assumed" | "written";

export class Ending {
  #end: RowEnd | null = null;
  #certainty: Certainty | undefined;

  get end(): RowEnd | null {
    return this.#end;
  }

  get isWritten(): boolean {
    return this.#certainty === "written";
  }

  /** The first assumption stays until the instance or its parent writes an end. */
  assume(end: RowEnd): void {
    if (this.#end === null) this.#set(end, "assumed");
  }

  /** Notes an end that the instance or its parent has written. */
  note(end: RowEnd): void {
    this.#set(end, "written");
  }

  /** The instance wrote something at that time: an end that was assumed for an earlier time did not happen. */
  refute(at: number): void {
    if (this.#certainty !== "assumed" || this.#end!.at > at) return;
    this.withdraw();
  }

  /** The end is not known any more. */
  withdraw(): void {
    this.#end = null;
    this.#certainty = undefined;
  }

  #set(end: RowEnd, certainty: Certainty): void {
    this.#end = end;
    this.#certainty = certainty;
  }
}
