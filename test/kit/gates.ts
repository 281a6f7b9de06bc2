/** Gates that hold an effect until the test opens or fails them, and a clock whose timers the test fires. */
import { setImmediate as turn } from "node:timers/promises";
import type { ServiceClock } from "../../src/clock.ts";
import { systemClock } from "../../src/clock.ts";
import { deadlines } from "./deadlines.ts";

export interface Gate {
  open(): void;
  fail(error: Error): void;
}

export class Gates {
  readonly #held = new Map<string, Gate[]>();

  /** Waits until the test opens the gate, or fails it; a signal that aborts takes it away. */
  hold(name: string, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const gate = { open: resolve, fail: reject };
      const held = this.#held.get(name) ?? [];
      held.push(gate);
      this.#held.set(name, held);
      const abort = () => {
        held.splice(held.indexOf(gate) >>> 0, 1);
        reject(signal?.reason);
      };
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  isHeld(name: string): boolean {
    return (this.#held.get(name)?.length ?? 0) > 0;
  }

  /** Resolves with the latest gate of that name once an effect is held there. */
  async take(name: string): Promise<Gate> {
    await settles(`${name} is called`, () => this.isHeld(name));
    return this.#held.get(name)!.pop()!;
  }

  /** Opens the gates of these names that are held now. */
  openNamed(...names: readonly string[]): void {
    for (const name of names) for (const gate of this.#held.get(name)?.splice(0) ?? []) gate.open();
  }

  /** Opens every gate that is held now. */
  openAll(): void {
    for (const gates of this.#held.values()) for (const gate of gates.splice(0)) gate.open();
  }
}

/** Time stands still; timers are fired by their length. */
export class HeldClock implements ServiceClock {
  readonly #timers = new Map<number, { readonly fn: () => void; readonly ms: number }>();
  #last = 0;

  now(): number {
    return 0;
  }

  epochNow(): number {
    return 0;
  }

  setTimeout(fn: () => void, ms: number): number {
    this.#last += 1;
    this.#timers.set(this.#last, { fn, ms });
    return this.#last;
  }

  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }

  /** the lengths of the timers that are set, in ms */
  get pending(): number[] {
    return [...this.#timers.values()].map(({ ms }) => ms);
  }

  /** Fires the oldest timer of that length. */
  fire(ms: number): void {
    for (const [id, timer] of this.#timers)
      if (timer.ms === ms) {
        this.#timers.delete(id);
        timer.fn();
        return;
      }
    throw new Error(`no timer of ${ms} ms is set; there are: ${this.pending.join(", ") || "none"}`);
  }
}

/** A clock on which timers of `ms`, a length that no other timer has, wait for `end`. */
export const holdTimers = (ms: number): { readonly clock: ServiceClock; isHeld(): boolean; end(): void } => {
  const held: (() => void)[] = [];
  const setTimeout = (fn: () => void, given: number) => (given === ms ? held.push(fn) : systemClock.setTimeout(fn, given));
  return {
    clock: { ...systemClock, setTimeout },
    isHeld: () => held.length > 0,
    end: () => {
      for (const fn of held.splice(0)) fn();
    },
  };
};

/** Resolves as soon as `fact` holds, looking once a turn of the event loop. */
export const settles = async (what: string, fact: () => boolean): Promise<void> => {
  const end = performance.now() + deadlines.fact;
  while (!fact()) {
    if (performance.now() > end) throw new Error(`not within ${deadlines.fact} ms: ${what}`);
    await turn();
  }
};
