/**
 * Two clocks. One measures: a monotonic one, from which deadlines, budgets, beats and durations come, and on which the timers run. The other
 * tells the time, in what people and other processes read, and may be set at any moment; nothing is decided by it. In every chart and room
 * `now` measures and `epochNow` tells. What is measured has no meaning in another process: between processes the clock of Redis decides.
 */
export interface Clock {
  /** ms of a monotonic clock; its zero does not matter */
  now(): number;
  setTimeout(fn: () => void, ms: number): unknown;
  clearTimeout(id: unknown): void;
}

/** The clocks of a service, which a simulation replaces. */
export interface ServiceClock extends Clock {
  /** ms since the epoch, for display only */
  epochNow(): number;
}

export const systemClock: ServiceClock = {
  now: () => performance.now(),
  epochNow: Date.now,
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
};
