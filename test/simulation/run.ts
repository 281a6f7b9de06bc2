/** Many lives, one after the other, and what they add up to. */
import type { Violation } from "./invariants.ts";
import { live } from "./life.ts";
import { Tally } from "./tally.ts";

export interface RunOptions {
  readonly from: number;
  readonly seeds: number;
  /** keep going after this many seeds with violations; default 10 */
  readonly violationLimit?: number;
  readonly hasTombstones?: boolean;
  readonly onProgress?: (progress: { readonly seeds: number; readonly lifecycles: number; readonly broken: number }) => void;
}

export interface RunResult {
  readonly from: number;
  readonly seeds: number;
  readonly lifecycles: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly seconds: number;
  /** of all lives; does not depend on the order they were lived in */
  readonly hash: string;
  readonly broken: readonly { readonly seed: number; readonly violations: readonly Violation[] }[];
  readonly tally: Tally;
}

export const simulate = async ({
  from,
  seeds,
  violationLimit = 10,
  hasTombstones = true,
  onProgress,
}: RunOptions): Promise<RunResult> => {
  const tally = new Tally();
  const broken: { seed: number; violations: readonly Violation[] }[] = [];
  const hash = new HashSum();
  const began = performance.now();
  let [lifecycles, steps, virtualMs, lived] = [0, 0, 0, 0];
  for (let seed = from; seed < from + seeds && broken.length < violationLimit; seed += 1) {
    const life = await live({ seed, tally, hasTombstones });
    lived += 1;
    lifecycles += life.lifecycles;
    steps += life.steps;
    virtualMs += life.virtualMs;
    hash.add(life.hash);
    if (life.violations.length > 0) broken.push({ seed, violations: life.violations });
    if (lived % 100 === 0) onProgress?.({ seeds: lived, lifecycles, broken: broken.length });
  }
  const seconds = (performance.now() - began) / 1000;
  return { from, seeds: lived, lifecycles, steps, virtualMs, seconds, hash: hash.value, broken, tally };
};

/** A sum of hashes: the order does not matter, each one does. */
export class HashSum {
  #sum = 0n;

  get value(): string {
    return this.#sum.toString(16).padStart(16, "0");
  }

  add(hash: string): void {
    this.#sum = BigInt.asUintN(64, this.#sum + BigInt(`0x${hash}`));
  }
}
