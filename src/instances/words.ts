/** Times in sentences, in the words of the page: `briefly` of `src/http/page/format.js`, which a page gets as a file. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

const inMinutes = (ms: number): string => {
  const seconds = Math.floor((ms % minute) / second);
  const minutes = `${Math.floor(ms / minute)} min`;
  return seconds === 0 || ms >= 10 * minute ? minutes : `${minutes} ${seconds} s`;
};

const inHours = (ms: number): string => {
  const hours = Math.floor(ms / hour);
  return hours < 24 ? `${hours} h ${Math.floor((ms % hour) / minute)} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
};

/** `850 ms`, `3.2 s`, `48 s`, `9 min 50 s`, `12 min`, `5 h 3 min`, `2 d 4 h`. */
export const inWords = (ms: number): string => {
  if (ms < second) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * second) return `${(ms / second).toFixed(1)} s`;
  // a budget of a minute, beside seconds of it
  if (ms <= minute) return `${Math.floor(ms / second)} s`;
  return ms < hour ? inMinutes(ms) : inHours(ms);
};
