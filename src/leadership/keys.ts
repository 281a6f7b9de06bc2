/** The keys of an election. */
import { keysBehind } from "../redis/keys.ts";

export interface LeadershipKeys {
  /** string: who leads */
  leader(name: string): string;
  /** counter: the fencing tokens of a leadership */
  leaderFence(name: string): string;
}

export const leadershipKeys = keysBehind<LeadershipKeys>((prefix) => ({
  leader: (name) => `${prefix}sg:leader:${name}`,
  leaderFence: (name) => `${prefix}sg:leader:fence:${name}`,
}));
