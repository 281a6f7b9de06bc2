/** A job that is done again and again, by one instance of all, and never by a leader that has been replaced. */
import { messageOf } from "../errors.ts";
import { commitFenced } from "../leadership/commit.ts";
import type { Term } from "../leadership/leader.ts";
import { Leadership } from "../leadership/leader.ts";
import type { Logger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import { tierKeys } from "./keys.ts";

/** One doing of a job. */
export interface Job {
  readonly redis: RedisClient;
  readonly signal: AbortSignal;
  /** ms since the epoch */
  readonly now: number;
  /** Writes in one step, and notes with it that the job was done. Rejects, with nothing written, once another leader was chosen. */
  commit(keys: readonly string[], commands: readonly (readonly (string | number)[])[]): Promise<void>;
}

export interface RecurringJob {
  readonly redis: RedisClient;
  /** the job's, and its election's */
  readonly name: string;
  readonly holder: string;
  readonly everyMs: number;
  readonly log: Logger;
  readonly work: (job: Job) => Promise<void>;
}

/**
 * Does the job every `everyMs`, also across a change of leaders, until `signal` aborts. A doing that fails is reported, and tried
 * again when it is due next.
 */
export const runRecurring = async (job: RecurringJob, signal: AbortSignal): Promise<void> => {
  const { redis, name, holder, log } = job;
  await new Leadership({ redis, name, holder, log }).lead((term) => serve(job, term), { signal });
};

const serve = async (job: RecurringJob, term: Term): Promise<void> => {
  const { redis, name, everyMs, log, work } = job;
  const { signal, fence } = term;
  const done = tierKeys(redis).jobDone(name);
  const commitAt =
    (now: number): Job["commit"] =>
    async (keys, commands) => {
      const noted = ["SET", done, now] as const;
      const isOurs = await commitFenced(redis, { name, fence, keys: [done, ...keys], commands: [noted, ...commands] });
      if (!isOurs) throw new Error("another leader was chosen meanwhile");
    };
  let dueAt = 0;
  while (!signal.aborted) {
    await pause(dueAt - Date.now(), { signal });
    if (signal.aborted) return;
    try {
      dueAt = Number((await redis.get(done)) ?? 0) + everyMs;
      const now = Date.now();
      if (dueAt > now && dueAt <= now + everyMs) continue;
      dueAt = now + everyMs;
      await work({ redis, signal, now, commit: commitAt(now) });
      log.debug({ type: "job.done", job: name, durationMs: Date.now() - now });
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ type: "job.failed", job: name, reason: messageOf(error) });
      dueAt = Date.now() + everyMs;
    }
  }
};
