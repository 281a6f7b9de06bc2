/** The clock of the health server: it does not jump when the date is set, and its timers keep no process alive. */
import type { Clock } from "../clock.ts";

export const quietClock: Clock = {
  now: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms).unref(),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
};
