/** A job that is done again and again, by one instance of all, and never by a leader that was replaced. */

import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Command } from "../leadership/commit.ts";
import type { Term } from "../leadership/lead.ts";
import { lead } from "../leadership/lead.ts";
import type { WordedLogger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import { timeOf } from "../redis/time.ts";
import type { HookContext } from "../service/types.ts";
import { until } from "../until.ts";
import { tierKeys } from "./keys.ts";

/** One pass of a job. Once `signal` has aborted every wait of it rejects with the signal's reason, and nothing more is sent. */
export interface Job {
  readonly signal: AbortSignal;
  /** when the pass began by the clock of Redis, ms since the epoch */
  readonly now: number;
  /** Sends a command and waits for its answer. */
  ask<T>(command: (redis: RedisClient) => Promise<T>): Promise<T>;
  /**
   * Writes in one step, together with the time at which the job was done; with `isPart` without it, as part of a pass that goes on. Of
   * the commits of a pass, and of an earlier one whose outcome is unknown, each is carried out once at most. Rejects, with nothing
   * written, where the term is over.
   */
  commit(keys: readonly string[], commands: readonly Command[], options?: { readonly isPart?: boolean }): Promise<void>;
}

export interface RecurringJob {
  /** the job's, and its leadership's */
  readonly name: string;
  readonly holder: string;
  readonly everyMs: number;
  readonly work: (job: Job) => Promise<void>;
}

/**
 * Does the job every `everyMs`, also across a change of leaders. A pass that fails is logged, and tried again when the job is due
 * next. Rejects with the reason of `context.signal` as soon as that aborts.
 */
export const runRecurring = async (context: HookContext, job: RecurringJob): Promise<void> => {
  const { name, holder } = job;
  await until(
    lead(context, { name, holder }, (term) => serve(context, job, term)),
    { signal: context.signal, what: `the leadership of ${name}` },
  );
};

const serve = async (context: HookContext, job: RecurringJob, term: Term): Promise<void> => {
  const { signal } = term;
  for (let waitMs = 0; !signal.aborted; ) {
    await pause(waitMs, { signal });
    if (!signal.aborted) waitMs = await passIfDue(context, job, term);
  }
};

type WordedContext = Pick<HookContext, "redis"> & { readonly log: WordedLogger };

/**
 * Does the job unless another leader did it meanwhile. Resolves with the ms until it is due next. The key of the last pass lives until
 * then, so the clock of Redis decides, and no instance's own.
 */
const passIfDue = async ({ redis, log }: WordedContext, { name, everyMs, work }: RecurringJob, term: Term): Promise<number> => {
  const { signal } = term;
  const [done, revision] = [tierKeys(redis).jobDone(name), tierKeys(redis).jobRevision(name)];
  const ask: Job["ask"] = async (command) => {
    signal.throwIfAborted();
    return until(command(redis), { signal, what: "a reply from Redis" });
  };
  try {
    const leftMs = await ask((client) => client.pttl(done));
    // more than an interval is left where the interval was longer once, or the clock of Redis was set back
    if (leftMs > 0 && leftMs <= everyMs) return leftMs;
    const beganAt = systemClock.now();
    // read before all that the pass reads: a late commit of an earlier pass is seen by this one, or refused
    const [known, now] = await ask((client) => Promise.all([client.get(revision), timeOf(client)]));
    let commits = Number(known ?? "0");
    const commit: Job["commit"] = async (keys, commands, { isPart = false } = {}) => {
      const still = { key: revision, value: String(commits) };
      commits += 1;
      const own: Command[] = [["SET", revision, commits], ...(isPart ? [] : [["SET", done, now, "PX", everyMs]])];
      await until(term.commit([done, ...keys], [...commands, ...own], still), { signal, what: "the commit" });
    };
    await until(work({ signal, now, ask, commit }), { signal, what: `the job ${name}` });
    const durationMs = systemClock.now() - beganAt;
    log.debug({ type: "job.done", job: name, durationMs }, `the job ${name} is done`);
  } catch (error) {
    const reason = messageOf(error);
    if (!signal.aborted) log.warn({ type: "job.failed", job: name, reason }, `the job ${name} failed: ${reason}`);
  }
  return everyMs;
};
