/** What a machine waits for where it is, and until when. */
import type { AnyMachineSnapshot } from "xstate";
import { waitsForOf } from "../../machines/index.ts";
import type { ChartTimer } from "./recorder.ts";

/** Times in ms. */
export interface Waiting {
  /** `Redis to answer PING, attempt 2 of 3`; empty where the machine waits for nothing */
  readonly what: string;
  /** the timer of the machine that ends first; null where it has none */
  readonly deadline: Omit<ChartTimer, "machine"> | null;
}

const endOf = ({ startedAt, delayMs }: ChartTimer): number => startedAt + delayMs;

/** `timers` are those of all machines. */
export const waitingOf = (snapshot: AnyMachineSnapshot, timers: readonly ChartTimer[]): Waiting => {
  const own = timers.filter(({ machine }) => machine === snapshot.machine.id);
  const [first] = own.sort((a, b) => endOf(a) - endOf(b));
  return {
    what: waitsForOf(snapshot),
    deadline: first === undefined ? null : { name: first.name, startedAt: first.startedAt, delayMs: first.delayMs },
  };
};
