/** TTLs of whole hours: what is left of one, rounded up, is the TTL itself however slow the machine is. */
export const hourMs = 3_600_000;

export const hoursOf = (ms: number): number => Math.ceil(ms / hourMs);
