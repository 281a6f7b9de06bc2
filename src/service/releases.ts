/** What a tier deferred: released last in first out when the service stops, each on its own. */
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";

export type Release = () => unknown;

export interface ReleaseFailure {
  readonly code: "SG_ERR_STOP_FAILED" | "SG_ERR_STOP_TIMEOUT";
  readonly message: string;
  readonly cause?: unknown;
}

export class Releases {
  readonly #clock: Clock;
  readonly #onFailure: (failure: ReleaseFailure) => void;
  /** undefined once the unwinding is over: from then on a release runs at once */
  #stack: Release[] | undefined = [];

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
    void this.#attempt(release);
    return false;
  }

  /** Releases all, the latest first. Each gets an even share of the time left, so that a hung one costs no other its turn. */
  async run(withinMs: number): Promise<void> {
    const endsAt = this.#clock.now() + withinMs * 0.95;
    for (let release = this.#stack?.pop(); release !== undefined; release = this.#stack?.pop()) {
      await this.#within(release, (endsAt - this.#clock.now()) / ((this.#stack?.length ?? 0) + 1));
    }
  }

  /** Ends the unwinding: what is still kept, or comes later, is released at once. */
  end(): void {
    const left = this.#stack ?? [];
    this.#stack = undefined;
    for (const release of left.reverse()) void this.#attempt(release);
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

const nameOf = (release: Release): string => (release.name === "" ? "a release" : `the release '${release.name}'`);
