/** The health server's clock: monotonic, with timers that keep no process alive. */
import type { Clock } from "../clock.ts";

export const quietClock: Clock = {
  now: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms).unref(),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
};
