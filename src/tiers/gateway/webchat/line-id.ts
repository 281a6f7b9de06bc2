/** The ids of the lines of a log, which are those of a stream: `1795996346580-0`. */

/** before every line */
export const firstId = "0-0";

/** Whether `a` comes after `b`. */
export const isLater = (a: string, b: string): boolean => {
  const [aMs, aSeq] = a.split("-").map(Number) as [number, number];
  const [bMs, bSeq] = b.split("-").map(Number) as [number, number];
  return aMs > bMs || (aMs === bMs && aSeq > bSeq);
};
