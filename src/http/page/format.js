// @ts-check
/** Durations, times and places as a reader expects them. */

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

/**
 * The same, no finer than a reader needs beside other words: `300 ms`, `3.4 s`, `38 s`, `1 min 29 s`, `12 min`, `1 h 23 min`, `3 d 4 h`.
 *
 * @param {number} ms
 */
export const briefly = (ms) => {
  if (ms < 10_000) return duration(ms);
  // a budget of a minute, beside seconds of it
  if (ms === 60_000) return "60 s";
  if (ms < 600_000) return age(ms);
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  const hours = Math.floor(ms / 3_600_000);
  return hours < 24 ? duration(ms) : `${Math.floor(hours / 24)} d ${hours % 24} h`;
};

/** @type {(value: number, digits?: number) => string} */
const padded = (value, digits = 2) => String(value).padStart(digits, "0");

/**
 * `14:03`, by the reader's clock.
 *
 * @param {number} at ms since the epoch
 */
export const hourTime = (at) => {
  const time = new Date(at);
  return `${padded(time.getHours())}:${padded(time.getMinutes())}`;
};

/**
 * `14:03:27`, by the reader's clock.
 *
 * @param {number} at ms since the epoch
 */
export const secondTime = (at) => `${hourTime(at)}:${padded(new Date(at).getSeconds())}`;

/**
 * `14:03:27.041`, by the reader's clock.
 *
 * @param {number} at ms since the epoch
 */
export const clockTime = (at) => `${secondTime(at)}.${padded(new Date(at).getMilliseconds(), 3)}`;

/**
 * `stopping › draining` for `stopping.draining`.
 *
 * @param {string} path
 */
export const place = (path) => path.replaceAll(".", " › ");

/**
 * The state at the top of a path: its part before the first dot.
 *
 * @param {string} path
 */
export const topOf = (path) => /** @type {string} */ (path.split(".", 1)[0]);

/**
 * `1 boot`, `2 boots`.
 *
 * @type {(count: number, one: string, many?: string) => string}
 */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
