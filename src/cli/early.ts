/** Signals that come before a service or a fleet can hear them: from the first line of `run` and `up` until those listen. */
import type { StopSignal } from "../process.ts";
import { announceReport, exit, onSignals } from "../process.ts";

/** Nothing has begun, so nothing has to be undone: it ends as a service does that is stopped in `init`. */
const end = (reason: StopSignal): void => {
  announceReport({ outcome: "shutdown", reason, exitCode: 0 });
  exit(0);
};

let release = (): void => {};

/** Call it once, as early as possible. */
export const hearEarly = (): void => {
  release = onSignals(end);
};

/** For whoever listens from now on. */
export const hearNoLonger = (): void => release();
