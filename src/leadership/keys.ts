/** The keys of an election. */
import { keysBehind } from "../redis/keys.ts";

export interface LeadershipKeys {
  /** string: the holder's token, with the lock's TTL */
  leader(name: string): string;
  /** string: the last fencing token; it never expires */
  leaderFence(name: string): string;
}

export const leadershipKeys = keysBehind<LeadershipKeys>((prefix) => ({
  leader: (name) => `${prefix}sg:leader:${name}`,
  leaderFence: (name) => `${prefix}sg:leader:fence:${name}`,
}));
