/** Fenced writes: one of an older leader is refused, however late it arrives. */
import type { RedisClient } from "../redis/client.ts";
import type { Command } from "../redis/commands.ts";
import { commandArguments } from "../redis/commands.ts";
import { runScript } from "../redis/script.ts";
import { leadershipKeys } from "./keys.ts";
import { commitScript } from "./scripts.ts";

export type { Command } from "../redis/commands.ts";
export { firstReply } from "../redis/commands.ts";

/** A condition of a commit: the key still has this value when the commands run; otherwise nothing is written. */
export interface Still {
  readonly key: string;
  /** as read before; `0` for a key that does not exist */
  readonly value: string;
}

export interface FencedCommit {
  /** the leadership, and the term's token */
  readonly name: string;
  readonly fence: number;
  /** every key that the commands touch; on a cluster they share a slot with the leadership's fence */
  readonly keys: readonly string[];
  readonly commands: readonly Command[];
  readonly still?: Still | undefined;
  /** once it has aborted nothing more is sent */
  readonly signal?: AbortSignal;
}

/**
 * Runs the commands in one step, unless the value of `still` has changed or the term with `fence` is over: another leader of `name` was
 * elected, or the lead was given up. Resolves with whether they ran; false means that nothing was written. Rejects with Redis' error, and
 * with the signal's reason if it aborted before. A commit that was already sent may still be carried out after the signal has aborted.
 */
export const commitFenced = async (redis: RedisClient, commit: FencedCommit): Promise<boolean> => {
  const { name, fence, keys, commands, still, signal } = commit;
  const touched = [leadershipKeys(redis).leaderFence(name), ...(still === undefined ? [] : [still.key]), ...keys];
  const args = [fence, still?.value ?? "", ...commandArguments(commands)];
  const call = { keys: touched, args, ...(signal === undefined ? {} : { signal }) };
  return Number(await runScript(redis, commitScript, call)) === 1;
};
