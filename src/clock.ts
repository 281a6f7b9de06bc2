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

/**
 * The timers and the clock as they are when this is loaded. Test runners replace the global ones by fakes that do not
 * advance: with those, a service under test would neither boot nor meet a deadline.
 */
const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = globalThis;
const monotonicNow = performance.now.bind(performance);

export const systemClock: ServiceClock = {
  now: monotonicNow,
  epochNow: Date.now,
  // a timer of 0 ms takes one, and a boot and a stop pass several states at once
  setTimeout: (fn, ms) => (ms > 0 ? setTimeout(fn, ms) : setImmediate(fn)),
  clearTimeout: (id) => (isTimeout(id) ? clearTimeout(id) : clearImmediate(id as NodeJS.Immediate)),
};

/** The same, but its timers do not keep the process alive. */
export const quietClock: Clock = {
  now: monotonicNow,
  setTimeout: (fn, ms) => setTimeout(fn, ms).unref(),
  clearTimeout: systemClock.clearTimeout,
};

/** Calls `fn` at the end of this turn of the event loop. Does not keep the process alive. */
export const afterTurn = (fn: () => void): void => {
  setImmediate(fn).unref();
};

/** Calls `fn` every `ms` until the returned function is called. Does not keep the process alive. */
export const every = (ms: number, fn: () => void): (() => void) => {
  const timer = setInterval(fn, ms).unref();
  return () => clearInterval(timer);
};

const isTimeout = (id: unknown): id is NodeJS.Timeout => typeof (id as NodeJS.Timeout | undefined)?.refresh === "function";
