// @ts-check
/** Durations as a reader expects them. */

/**
 * `12 ms`, `1.5 s`, `2 min 3 s`, `1 h 5 min`.
 *
 * @param {number} ms
 */
export const duration = (ms) => {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.floor((ms % 60_000) / 1000);
  if (minutes < 60) return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

/**
 * The same in whole seconds, for what is not redrawn often: `12 s`.
 *
 * @param {number} ms
 */
export const age = (ms) => (ms < 60_000 ? `${Math.max(0, Math.floor(ms / 1000))} s` : duration(ms));
