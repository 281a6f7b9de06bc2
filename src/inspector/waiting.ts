/** What a machine waits for where it is, and until when. */
import type { AnyMachineSnapshot } from "xstate";
import { waitsForOf } from "../../machines/index.ts";
import type { ChartTimer } from "./recorder.ts";

/** Times in ms. */
export interface Waiting {
  /** `Redis to answer PING, attempt 2 of 3`; empty where the machine waits for nothing */
  readonly what: string;
  /** the timer of the machine that ends first, `endsMs` after the construction of the service; null where it has none */
  readonly deadline: { readonly name: string; readonly endsMs: number; readonly delayMs: number } | null;
}

export interface Timing {
  readonly timers: readonly ChartTimer[];
  readonly constructedAt: number;
}

const endOf = ({ startedAt, delayMs }: ChartTimer): number => startedAt + delayMs;

/** `timers` are those of all machines. `constructedAt`: the construction of the service, by the clock that measures. */
export const waitingOf = (snapshot: AnyMachineSnapshot, { timers, constructedAt }: Timing): Waiting => {
  const own = timers.filter(({ machine }) => machine === snapshot.machine.id);
  const [first] = own.sort((a, b) => endOf(a) - endOf(b));
  return {
    what: waitsForOf(snapshot),
    deadline: first === undefined ? null : { name: first.name, endsMs: endOf(first) - constructedAt, delayMs: first.delayMs },
  };
};
