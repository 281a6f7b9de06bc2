/** A task that runs on exactly one instance: `leadership.machine.ts` meets Redis. */
import { randomUUID } from "node:crypto";
import { createActor, fromPromise, toPromise } from "xstate";
import type { LeadAnswer, LeadershipTimes, LeadTerm, RenewAnswer } from "../../machines/index.ts";
import { defaultLeadershipTimes, leadershipMachine } from "../../machines/index.ts";
import type { Logger } from "../logger.ts";
import { silentLogger } from "../logger.ts";
import type { RedisClient } from "../redis/client.ts";
import { runScript } from "../redis/script.ts";
import { leadershipKeys } from "./keys.ts";
import { releaseScript, renewScript, takeScript } from "./scripts.ts";
import { RunningTask } from "./task.ts";

/** One term: `signal` aborts when the lead is lost or given up; `fence` is larger than that of every earlier term. */
export interface Term {
  readonly signal: AbortSignal;
  readonly fence: number;
}

export interface LeadershipOptions {
  /** used for short commands only; never closed or reconfigured */
  readonly redis: RedisClient;
  /** what is led: one leader for each name */
  readonly name: string;
  /** who asks, for people who read the lock; two candidates may share it */
  readonly holder: string;
  readonly times?: Partial<LeadershipTimes>;
  readonly log?: Logger;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #log: Logger;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLogger;
  }

  /**
   * Runs `task` whenever this instance leads, one term after another, until `signal` aborts or a task returns by itself. Resolves
   * once the task has ended and the lead is given up, so that the next candidate has it at its next poll. Rejects with what a task
   * threw (but for the abort it was asked for), and where a task outlives its abort by `yieldTimeoutMs`.
   * Writes of a term go through `commitFenced`: a task may find out late that it lost the lead.
   */
  async lead(task: (term: Term) => Promise<void>, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const actor = createActor(this.#machine(task), {
      input: {
        now: () => performance.now(),
        random: Math.random,
        ...(this.#options.times ? { times: this.#options.times } : {}),
      },
    });
    const { name } = this.#options;
    actor.on("*", (fact) => this.#log[fact.type === "lead.lost" ? "warn" : "info"]({ ...fact, lead: name }));
    const resign = () => actor.send({ type: "resign" });
    signal.addEventListener("abort", resign, { once: true });
    try {
      actor.start();
      if (signal.aborted) resign();
      const { failure } = await toPromise(actor);
      if (failure !== undefined) throw failure.error;
    } finally {
      signal.removeEventListener("abort", resign);
    }
  }

  #machine(task: (term: Term) => Promise<void>) {
    const { redis, name, holder, times } = this.#options;
    const keys = leadershipKeys(redis);
    const [lock, fence] = [keys.leader(name), keys.leaderFence(name)];
    const token = `${holder}#${randomUUID()}`;
    const ttlMs = times?.leadTtlMs ?? defaultLeadershipTimes.leadTtlMs;
    const running = new RunningTask();
    return leadershipMachine.provide({
      actors: {
        takeLead: fromPromise<LeadAnswer>(async () => {
          const answer = await runScript(redis, takeScript, { keys: [lock, fence], args: [token, ttlMs] });
          return answer === null ? { type: "held" } : { type: "taken", fence: Number(answer) };
        }),
        renewLead: fromPromise<RenewAnswer, LeadTerm>(async ({ input }) => {
          const kept = await runScript(redis, renewScript, { keys: [lock, fence], args: [token, ttlMs, input.fence] });
          return { type: kept === 1 ? "kept" : "gone" };
        }),
        releaseLead: fromPromise<void>(async () => void (await runScript(redis, releaseScript, { keys: [lock], args: [token] }))),
        leadTask: fromPromise<void, LeadTerm>(({ input, signal }) =>
          running.begin(signal, () => task({ signal, fence: input.fence })),
        ),
        settleTask: fromPromise<void>(() => running.settled()),
      },
    });
  }
}
