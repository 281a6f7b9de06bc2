/** A task that runs on one instance of all: `leadership.machine.ts` on Redis, as a child of the service. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { fromPromise } from "xstate";
import type { LeadAnswer, LeadershipTimes, LeadTerm, RenewAnswer } from "../../machines/index.ts";
import { leadershipMachine } from "../../machines/leadership.machine.ts";
import { systemClock } from "../clock.ts";
import { unknownKeys } from "../closest.ts";
import type { RedisClient } from "../redis/client.ts";
import { runScript } from "../redis/script.ts";
import type { HookContext } from "../service/types.ts";
import { rejectingLater } from "../until.ts";
import type { Command, Still } from "./commit.ts";
import { commitFenced } from "./commit.ts";
import { leadershipKeys } from "./keys.ts";
import { releaseScript, renewScript, takeScript } from "./scripts.ts";
import { taskActor } from "./task.ts";
import { resolveTimes } from "./times.ts";

/** One term. */
export interface Term {
  /** aborts when the lead is lost or given up */
  readonly signal: AbortSignal;
  /** larger than that of every earlier term */
  readonly fence: number;
  /**
   * `commitFenced` with this term's name, fence and signal: runs the commands in one step, unless the term is over. Rejects, with
   * nothing written, where it is.
   *
   * A commit whose reply is lost may still run later, also after the next one. For commands that must not run twice, pass `still`: a value
   * that they change (a counter, a cursor), read before the data that they are computed from. Then at most one of the two runs.
   */
  commit(keys: readonly string[], commands: readonly Command[], still?: Still): Promise<void>;
}

export interface LeadOptions {
  /** what is led, one leader for each name: 1 to 64 letters, digits, `_`, `-` or `.` */
  readonly name: string;
  /** shown in the lock's value, for people; two candidates may share it. Default: host name and pid. */
  readonly holder?: string;
  /**
   * ms. Defaults: `lockTtlMs` 3000, `renewDeadlineMs` 2500, `renewMs` 1000, `retryMs` 200, `pollMs` 1000, `askTimeoutMs` 800,
   * `yieldTimeoutMs` 6000. `retryMs` < `renewMs`; one renewal and one retry, with 10 % jitter and `askTimeoutMs`, fit into
   * `renewDeadlineMs`; that is less than `lockTtlMs`. `yieldTimeoutMs` may be longer than `lockTtlMs`: the lock is renewed until the
   * task has ended.
   */
  readonly times?: Partial<LeadershipTimes>;
}

/**
 * Runs `task` whenever this instance leads `name`, one term after another, until the service drains or a task returns by itself.
 * Call it in `onStart` or `run`, and await it there. If two calls of one service share a name, one of them follows.
 *
 * Resolves once the task has ended and the lock is given up; the next candidate has it at its next poll. Rejects with the error of
 * a task (an abort that it was asked for is none), where a task takes longer than `yieldTimeoutMs` to end after its abort, with
 * `SG_ERR_CONFIG_INVALID` that names every problem of the options, with the signal's reason where the drain has begun, and with an
 * AbortError where the drain's deadline passes first: the task's signal has aborted, and a lock that is held expires by itself.
 *
 * What is not guaranteed: that only one instance acts. The leader stops by its own clock before the lock can expire, so a process
 * that was paused, a blocked event loop or a clock that runs slower than Redis' may act on as a leader until its signal aborts. No
 * write of such a leader is accepted where it goes through `commit`; everything else that a task does may be done twice.
 */
export const lead = async (
  context: Pick<HookContext, "redis" | "spawn">,
  options: LeadOptions,
  task: (term: Term) => Promise<void> | void,
): Promise<void> => {
  const { name, holder = `${hostname()}-${process.pid}`, times } = options;
  const unknown = unknownKeys(options, ["name", "holder", "times"]);
  const resolved = await rejectingLater(async () => resolveTimes(name, times, unknown));
  await context.spawn({
    name: `leadership.${name}`,
    logic: electionOn(context.redis, { name, holder, lockTtlMs: resolved.lockTtlMs, task }),
    input: { name, times: resolved, now: systemClock.now, epochNow: systemClock.epochNow, random: Math.random },
  });
};

interface Election {
  readonly name: string;
  readonly holder: string;
  readonly lockTtlMs: number;
  readonly task: (term: Term) => Promise<void> | void;
}

const electionOn = (redis: RedisClient, { name, holder, lockTtlMs, task }: Election) => {
  const keys = leadershipKeys(redis);
  const [lock, fence] = [keys.leader(name), keys.leaderFence(name)];
  const token = `${holder}#${randomUUID()}`;
  return leadershipMachine.provide({
    actors: {
      takeLead: fromPromise<LeadAnswer>(async ({ signal }) => {
        const answer = await runScript(redis, takeScript, { keys: [lock, fence], args: [token, lockTtlMs], signal });
        return answer === null ? { type: "held" } : { type: "taken", fence: Number(answer) };
      }),
      renewLead: fromPromise<RenewAnswer, LeadTerm>(async ({ input, signal }) =>
        answerTo(await runScript(redis, renewScript, { keys: [lock, fence], args: [token, lockTtlMs, input.fence], signal })),
      ),
      releaseLead: fromPromise<RenewAnswer, LeadTerm>(async ({ input, signal }) =>
        answerTo(await runScript(redis, releaseScript, { keys: [lock, fence], args: [token, input.fence], signal })),
      ),
      leadTask: taskActor((term) => task({ ...term, commit: committer(redis, name, term) })),
    },
  });
};

/** A user's client with `stringNumbers` returns numbers as strings. */
const answerTo = (reply: unknown): RenewAnswer => ({ type: Number(reply) === 1 ? "kept" : "gone" });

const committer =
  (redis: RedisClient, name: string, { fence, signal }: LeadTerm & { readonly signal: AbortSignal }): Term["commit"] =>
  (keys, commands, still) =>
    rejectingLater(async () => {
      const isOurs = await commitFenced(redis, { name, fence, keys, commands, still, signal });
      if (isOurs) return;
      const over = `the term of '${name}' is over: another leader was elected, or the lead was given up`;
      throw new Error(still === undefined ? over : `${over}; or the value of ${still.key} has changed`);
    });
