/** Signals from the first line of `run` and `up` until a service or a fleet listens for them. */
import type { StopSignal } from "../process.ts";
import { announceReport, exit, onSignals } from "../process.ts";

/** Nothing has begun, so nothing is undone: the process exits 0, as a service that is stopped in its first state. */
const end = (reason: StopSignal): void => {
  announceReport({ outcome: "shutdown", reason, exitCode: 0 });
  exit(0);
};

let release = (): void => {};

/** From now on the first stop signal exits the process with 0. Call it once, as early as possible. */
export const beginEarlySignals = (): void => {
  release = onSignals(end);
};

/** Signals belong to another listener from now on. A second call changes nothing. */
export const endEarlySignals = (): void => release();
