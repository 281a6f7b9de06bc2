/** A pass of a recurring job without an election: its commits run on a real Redis, under a fence of its own. */

import { commitFenced } from "../../src/leadership/commit.ts";
import type { RedisClient } from "../../src/redis/client.ts";
import type { Job } from "../../src/tiers/recurring.ts";

export interface JobOptions {
  /** ms since the epoch */
  readonly now?: number;
  /** called before each commit with its number, from 1; where it throws, nothing of that commit is written */
  readonly beforeCommit?: (commit: number) => void | Promise<void>;
}

/** The job, and how many commits it has made. */
export const jobOn = (redis: RedisClient, { now = 1_000_000, beforeCommit }: JobOptions = {}): Job & { commits(): number } => {
  let commits = 0;
  return {
    signal: new AbortController().signal,
    now,
    ask: (command) => command(redis),
    commit: async (keys, commands) => {
      commits += 1;
      await beforeCommit?.(commits);
      await commitFenced(redis, { name: "test", fence: 1, keys, commands });
    },
    commits: () => commits,
  };
};
