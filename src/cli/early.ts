/** Signals from the first line of `run` and `up` until a service or a fleet listens for them. */
import type { StopSignal } from "../process.ts";
import { announceReport, exit, onSignals } from "../process.ts";

/** Nothing has begun, so nothing has to be undone: the process ends as a service does that is stopped in its first state. */
const end = (reason: StopSignal): void => {
  announceReport({ outcome: "shutdown", reason, exitCode: 0 });
  exit(0);
};

let release = (): void => {};

/** From now on the first signal that asks the process to end ends the process with 0. To be called once, as early as possible. */
export const beginEarlySignals = (): void => {
  release = onSignals(end);
};

/** Signals belong to another listener from now on. A second call changes nothing. */
export const endEarlySignals = (): void => release();
