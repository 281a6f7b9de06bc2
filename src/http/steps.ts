/** Listening where the port may be taken: the process that listens first has the port, and the next one steps over it. */
import { isSupervised } from "../process.ts";

/** What listening gave, and the ports before it that were taken. */
export interface Stepped<Result> {
  readonly result: Result;
  readonly taken: readonly number[];
}

const supervisedSteps = 200;
const highestPort = 65_535;

/** How many ports a service may step over: none, unless a supervisor receives its address. */
export const portSteps = (): number => (isSupervised() ? supervisedSteps : 0);

/** An error of Node's own, or one of ours that has it as its cause. A port without privileges for it is followed by more of them. */
const isTaken = (error: unknown): boolean => {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return code === "EADDRINUSE" || cause?.code === "EADDRINUSE";
};

/** Listens on `port`, or on the first of the `steps` ports after it that is not taken. Rejects with the last refusal. */
export const listenFrom = async <Result>(
  { port, steps }: { readonly port: number; readonly steps: number },
  listen: (port: number) => Promise<Result>,
): Promise<Stepped<Result>> => {
  const taken: number[] = [];
  for (;;) {
    const next = port + taken.length;
    try {
      return { result: await listen(next), taken };
    } catch (error) {
      if (!isTaken(error) || taken.length >= steps || next >= highestPort) throw error;
      taken.push(next);
    }
  }
};

/** The ports that a listener stepped over on its way from the wanted port; none from 0, which is any port. */
export const portsBetween = (wanted: number, port: number): number[] =>
  wanted === 0 ? [] : Array.from({ length: port - wanted }, (_, step) => wanted + step);
