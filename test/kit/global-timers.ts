/** For tests that set the time of a module: `every` of src/clock.ts, with the timers that are global when it is called. */
export const every = (ms: number, fn: () => void): (() => void) => {
  const timer = setInterval(fn, ms);
  return () => clearInterval(timer);
};
