// @ts-check
/** Times and places as a reader expects them. */

/** @param {number} value */
const padded = (value, digits = 2) => String(value).padStart(digits, "0");

/**
 * `14:03:27.041`, by the reader's clock.
 *
 * @param {number} at ms since the epoch
 */
export const clockTime = (at) => {
  const time = new Date(at);
  const minutes = `${padded(time.getHours())}:${padded(time.getMinutes())}`;
  return `${minutes}:${padded(time.getSeconds())}.${padded(time.getMilliseconds(), 3)}`;
};

/** `stopping › draining` for `stopping.draining`. @param {string} path */
export const place = (path) => path.replaceAll(".", " › ");
