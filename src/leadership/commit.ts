/** Writes that an older leader cannot make, however late they arrive. */
import type { RedisClient } from "../redis/client.ts";
import { runScript } from "../redis/script.ts";
import { leadershipKeys } from "./keys.ts";
import { commitScript } from "./scripts.ts";

export interface FencedCommit {
  /** the election, and the term's token */
  readonly name: string;
  readonly fence: number;
  /** every key that the commands touch */
  readonly keys: readonly string[];
  /** at most a few hundred words each: `["HSET", key, "field", "value"]` */
  readonly commands: readonly (readonly (string | number)[])[];
}

/**
 * Runs the commands in one step if no newer leader of `name` has been chosen than the one with `fence`. Resolves with whether
 * they ran: false means that the lead was lost, and nothing was written. Rejects with Redis' error.
 */
export const commitFenced = async (redis: RedisClient, { name, fence, keys, commands }: FencedCommit): Promise<boolean> => {
  const words = commands.flatMap((command) => [command.length, ...command]);
  const touched = [leadershipKeys(redis).leaderFence(name), ...keys];
  return (await runScript(redis, commitScript, { keys: touched, args: [fence, ...words] })) === 1;
};
