/** The beats of a lease, as the server that has the entry sees them. */
import type { Redis } from "ioredis";
import { eventually } from "./wait.ts";

/** Resolves once `count` beats have come: each gives the entry its whole TTL again. */
export const beatsAt = async (witness: Redis, key: string, count = 1): Promise<void> => {
  let [left, seen] = [Number.POSITIVE_INFINITY, 0];
  await eventually(`${count} beats`, async () => {
    const next = await witness.pttl(key);
    if (next > left) seen += 1;
    left = next;
    return seen >= count;
  });
};
