/** The order of the boots of one instance. */
import type { Life } from "./life.ts";

/** ms that an incarnation may be ahead of the journal */
const aheadMs = 60_000;

/**
 * Newer boots have higher orders. An incarnation is the time of Redis in µs, so a boot without one is ordered by its start. So is a boot
 * that is in no registry and has an incarnation of the future: it would be the newest for good.
 */
export const orderOf = ({ lease, incarnation, seenAt, startedAt }: Life): number => {
  const isPlausible = lease.state !== "none" || incarnation <= (seenAt + aheadMs) * 1000;
  return incarnation > 0 && isPlausible ? incarnation : startedAt * 1000;
};
