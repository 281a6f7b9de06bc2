/** The deferred releases of a tier: called last in first out when the service stops, each on its own. */
import type { Clock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";

export type Release = () => unknown;

export interface ReleaseFailure {
  readonly code: "SG_ERR_STOP_FAILED" | "SG_ERR_STOP_TIMEOUT";
  readonly message: string;
  readonly cause?: unknown;
}

/** after so many releases in a row, timers and signals get a turn */
const breatherEvery = 100;
const deepest = 100;

export class Releases {
  readonly #clock: Clock;
  readonly #onFailure: (failure: ReleaseFailure) => void;
  /** undefined once the unwinding is over: from then on a release runs at once */
  #stack: Release[] | undefined = [];
  /** how many late releases wait for the ones that they deferred */
  #nested = 0;

  constructor(clock: Clock, onFailure: (failure: ReleaseFailure) => void) {
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** Keeps `release` for the unwinding; true if it is kept, false if it ran because the unwinding is over. */
  defer(release: Release): boolean {
    if (this.#stack !== undefined) {
      this.#stack.push(release);
      return true;
    }
    this.#atOnce(release);
    return false;
  }

  /**
   * Releases all, the latest first, until `signal` aborts. Each gets an even share of the time left, so that a hung one costs
   * no other its turn; one that defers another is followed by it, until the deadline.
   */
  async run(withinMs: number, signal: AbortSignal): Promise<void> {
    const endsAt = this.#clock.now() + withinMs * 0.95;
    for (let release = this.#stack?.pop(), count = 1; release !== undefined; release = this.#stack?.pop(), count += 1) {
      // equivalent mutant: a release that was popped had a stack
      await this.#within(release, (endsAt - this.#clock.now()) / ((this.#stack?.length ?? 0) + 1));
      if (count % breatherEvery === 0) await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, 0));
      if (signal.aborted) return;
    }
  }

  /** Ends the unwinding: what is still kept, or comes later, is released at once. */
  end(): void {
    const left = this.#stack ?? [];
    this.#stack = undefined;
    for (const release of left.reverse()) this.#atOnce(release);
  }

  /** A release that defers the next one, and so on, comes to an end. */
  #atOnce(release: Release): void {
    if (this.#nested === deepest) return;
    this.#nested += 1;
    void this.#attempt(release);
    this.#nested -= 1;
  }

  async #within(release: Release, ms: number): Promise<void> {
    let timer: unknown;
    const overrun = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(() => {
        this.#onFailure({
          code: "SG_ERR_STOP_TIMEOUT",
          message: `${nameOf(release)} did not finish within its ${Math.round(ms)} ms`,
        });
        resolve();
      }, ms);
    });
    await Promise.race([this.#attempt(release), overrun]);
    this.#clock.clearTimeout(timer);
  }

  async #attempt(release: Release): Promise<void> {
    try {
      await release();
    } catch (error) {
      this.#onFailure({ code: "SG_ERR_STOP_FAILED", message: `${nameOf(release)} failed: ${messageOf(error)}`, cause: error });
    }
  }
}

/** A function may have any value as its name. */
const nameOf = ({ name }: { readonly name: unknown }): string =>
  typeof name === "string" && name !== "" ? `the release '${name}'` : "a release";
