/**
 * One instance's part in an election. Of all instances that run this chart under one name, at most one is in `leader` as long as
 * their clocks run at the same rate and no process is paused; writes are safe beyond that only where they carry the fence.
 *
 *   candidate <-> follower        candidate -> leader -> yielding -> follower        … -> resigning -> ended
 *
 * The leader measures from the moment it sent a request, not from the answer, and leaves `leader` before the lock can expire. `resign`
 * has an arrow in every state before `resigning`, and `cut` in every state: it leads to `ended` at once, without a call to Redis.
 * In `resigning.settling` the lock is renewed as in `leader`, so that it outlives a task of any length. The task is a child that lives from `leader` until it has ended: it spans states,
 * so actions spawn, abort and stop it.
 * The arrow that does not exist: nothing leads from `yielding` to `leader`, so no task begins while an older one still runs.
 */
import type { ActorRef, NonReducibleUnknown, SnapshotFrom, Snapshot as XStateSnapshot } from "xstate";
import { assign, sendTo, setup, spawnChild, stopChild } from "xstate";
import { declared, declaredCallback } from "./actor.ts";
import type { CompanionCommand } from "./companion.ts";
import type { StateMeta } from "./describe.ts";
import { messageOf } from "./thrown.ts";

/** Redis' answer to a candidate: it leads, under this fencing token, or another holder does. */
export type LeadAnswer = { readonly type: "taken"; readonly fence: number } | { readonly type: "held" };

/** Redis' answer to a renewal or a release: the lock was still of this term, or it was not. */
export type RenewAnswer = { readonly type: "kept" } | { readonly type: "gone" };

/** A term, by its fencing token. */
export interface LeadTerm {
  readonly fence: number;
}

/** The task's actor aborts the task's signal. */
export type TaskCommand = { type: "abort" };

/** The end of the task, by its actor. A rejection that only repeats the abort is `task.ended`. */
export type TaskEnd = { type: "task.ended" } | { type: "task.failed"; error: unknown };

/** Every event that the chart takes. `resign` ends it from any state; a second one is ignored. `cut` ends it at once. */
export type LeadershipEvent = CompanionCommand | TaskEnd;

/** What a leadership reports to its parent. */
export type LeadershipFact =
  | { type: "leadership.gained"; name: string; fence: number }
  /** the lock was lost, could not be renewed in time, or was no longer there to be deleted */
  | { type: "leadership.lost"; name: string; fence: number; reason: string }
  /** given up, and the lock is deleted */
  | { type: "leadership.released"; name: string; fence: number }
  /** given up or cut off, and the lock could not be deleted: it expires by itself */
  | { type: "leadership.abandoned"; name: string; fence: number; reason: string };

/** All in ms. */
export interface LeadershipTimes {
  /** the lock expires that long after its last renewal */
  readonly lockTtlMs: number;
  /** the leader stops that long after it sent the last renewal that Redis confirmed; less than `lockTtlMs` */
  readonly renewDeadlineMs: number;
  /** between two renewals */
  readonly renewMs: number;
  /** the pause after a renewal without an answer */
  readonly retryMs: number;
  /** between two attempts of a follower to take the lock */
  readonly pollMs: number;
  /** the deadline of one call to Redis */
  readonly askTimeoutMs: number;
  /** what the task may take to end after its signal has aborted */
  readonly yieldTimeoutMs: number;
}

/** The times of a leadership without times of its own, in ms. */
export const defaultLeadershipTimes: LeadershipTimes = {
  lockTtlMs: 3000,
  renewDeadlineMs: 2500,
  renewMs: 1000,
  retryMs: 200,
  pollMs: 1000,
  askTimeoutMs: 800,
  yieldTimeoutMs: 6000,
};

/** Every period is spread by this share to both sides, so that instances do not ask in step. */
export const leadershipJitter = 0.1;

/** What a leadership is spawned with. `random` gives 0 to 1. */
export interface LeadershipInput {
  readonly parent: ActorRef<XStateSnapshot<unknown>, LeadershipFact>;
  /** what is led */
  readonly name: string;
  readonly times: LeadershipTimes;
  /** measures: ms of a monotonic clock; its zero does not matter */
  readonly now: () => number;
  /** tells the time: ms since the epoch, for display only */
  readonly epochNow: () => number;
  readonly random: () => number;
}

/** What the chart knows of its lock and its term. */
export interface LeadershipContext extends LeadershipInput {
  /** the token of the term; 0 while this instance does not lead */
  readonly fence: number;
  /** the token of the last term, also after its end; 0 before the first */
  readonly lastFence: number;
  /** when this instance began to lead, or not to; ms since the epoch */
  readonly since: number;
  /** when the call under way was sent, measured */
  readonly askedAt: number;
  /** when the last call that Redis confirmed was sent, measured */
  readonly confirmedAt: number;
  /** why the last call did not succeed */
  readonly trouble: string;
  /** the error of the task, as it was thrown */
  readonly failure: { readonly error: unknown } | undefined;
}

/** What the chart ends with: the error of the task, as it was thrown, or undefined. */
export interface LeadershipOutput {
  readonly failure: { readonly error: unknown } | undefined;
}

const spread = (ms: number, random: () => number): number => ms * (1 - leadershipJitter + 2 * leadershipJitter * random());
const report = (factOf: (context: LeadershipContext) => LeadershipFact) =>
  sendTo<LeadershipContext, LeadershipEvent, NonReducibleUnknown, LeadershipInput["parent"], LeadershipEvent, never>(
    ({ context }) => context.parent,
    ({ context }) => factOf(context),
  );
const leadsUntil = ({ times }: LeadershipContext, confirmedAt: number): number => confirmedAt + times.renewDeadlineMs;

const leadership = setup({
  types: {} as {
    context: LeadershipContext;
    events: LeadershipEvent;
    input: LeadershipInput;
    output: LeadershipOutput;
    meta: StateMeta<LeadershipContext>;
    children: { leadTask: "leadTask" };
  },
  actors: {
    takeLead: declared<LeadAnswer>("takeLead"),
    renewLead: declared<RenewAnswer, LeadTerm>("renewLead"),
    releaseLead: declared<RenewAnswer, LeadTerm>("releaseLead"),
    leadTask: declaredCallback<TaskCommand, LeadTerm>("leadTask"),
  },
  actions: {
    noteAsked: assign({ askedAt: ({ context }) => context.now() }),
    confirm: assign({ confirmedAt: ({ context }) => context.askedAt, trouble: "" }),
    beginTerm: assign(({ context }, { answer }: { answer: LeadAnswer }) => {
      // equivalent mutant: the guard of the only arrow has checked the type
      // equivalent mutant: the arrow's guard has decided it; the type does not know
      const fence = answer.type === "taken" ? answer.fence : 0;
      return { fence, lastFence: fence, since: context.epochNow() };
    }),
    endTerm: assign({ fence: 0, since: ({ context }) => context.epochNow() }),
    noteTrouble: assign({ trouble: (_, params: { reason: string }) => params.reason }),
    /** the first failure is kept */
    noteFailure: assign({ failure: ({ context }, params: { error: unknown }) => context.failure ?? { error: params.error } }),
    beginTask: spawnChild("leadTask", { id: "leadTask", input: ({ context }) => ({ fence: context.fence }) }),
    abortTask: sendTo("leadTask", { type: "abort" }),
    endTask: stopChild("leadTask"),
    reportGained: report(({ name, fence }) => ({ type: "leadership.gained", name, fence })),
    reportLost: report(({ name, fence, trouble: reason }) => ({ type: "leadership.lost", name, fence, reason })),
    reportReleased: report(({ name, fence }) => ({ type: "leadership.released", name, fence })),
    reportAbandoned: report(({ name, fence, trouble: reason }) => ({ type: "leadership.abandoned", name, fence, reason })),
  },
  guards: {
    // equivalent mutant: the arrow's guard has decided it; the type does not know
    isTaken: (_, params: { answer: LeadAnswer }) => params.answer.type === "taken",
    isKept: (_, params: { answer: RenewAnswer }) => params.answer.type === "kept",
    /** an answer that took longer than the renewal deadline may be about a lock that has expired since */
    isTooLate: ({ context }) => leadsUntil(context, context.askedAt) <= context.now(),
    leads: ({ context }) => context.fence !== 0,
    leadsNot: ({ context }) => context.fence === 0,
  },
  delays: {
    pollInterval: ({ context }) => spread(context.times.pollMs, context.random),
    renewInterval: ({ context }) => spread(context.times.renewMs, context.random),
    renewRetry: ({ context }) => spread(context.times.retryMs, context.random),
    askTimeout: ({ context }) => context.times.askTimeoutMs,
    yieldTimeout: ({ context }) => context.times.yieldTimeoutMs,
    renewDeadline: ({ context }) => Math.max(0, leadsUntil(context, context.confirmedAt) - context.now()),
  },
});

/* ---- the few words that the states below are written in ---- */
type Failed = { event: { error: unknown } };
type Led = { event: { output: LeadAnswer } };
type Renewed = { event: { output: RenewAnswer } };
const isTaken = { type: "isTaken" as const, params: ({ event }: Led) => ({ answer: event.output }) };
const isKept = { type: "isKept" as const, params: ({ event }: Renewed) => ({ answer: event.output }) };
const beginTerm = { type: "beginTerm" as const, params: ({ event }: Led) => ({ answer: event.output }) };
const missed = { type: "noteTrouble" as const, params: ({ event }: Failed) => ({ reason: messageOf(event.error) }) };
const because = (reason: string) => ({ type: "noteTrouble" as const, params: { reason } });
const noAnswer = because("Redis did not answer in time");
const failed = { type: "noteFailure" as const, params: ({ event }: Failed) => ({ error: event.error }) };
const overran = {
  type: "noteFailure" as const,
  params: { error: new Error("the leader's task did not end within yieldTimeoutMs after its signal aborted") },
};
/** Why the service ended the chart before its time: the hook's own abort, not a failure of the task. */
const cutOff = new DOMException("the drain's deadline passed before the leadership had ended", "AbortError");
const cut = { type: "noteFailure" as const, params: { error: cutOff } };
const wasCut = because(cutOff.message);
const gone = because("the lock was no longer ours");
const term = ({ context }: { context: LeadershipContext }): LeadTerm => ({ fence: context.fence });
const lastTerm = ({ context }: { context: LeadershipContext }): LeadTerm => ({ fence: context.lastFence });
const taskFailed = { target: "#leadership.resigning.releasing", actions: failed } as const;
const taskOverran = { target: "#leadership.resigning.releasing", actions: overran } as const;

/** The three states in which the lock is renewed. Where it is lost, or may be about to expire by the holder's own clock, all lead to `lost`. */
const renewal = (lost: "#leadership.yielding" | "#leadership.resigning.settling.lost") => {
  const lostAs = <Why>(why: Why) => ({ target: lost, actions: [why, "reportLost", "endTerm"] }) as const;
  const expired = lostAs(because("the lock could not be renewed before its deadline"));
  return {
    holding: leadership.createStateConfig({
      description: "The lock is confirmed.",
      meta: { waitsFor: "the next renewal", deadline: "renewInterval" },
      after: { renewInterval: "renewing", renewDeadline: expired },
    }),
    renewing: leadership.createStateConfig({
      description: "Renews the lock.",
      meta: { waitsFor: "Redis to confirm the renewal", deadline: "askTimeout" },
      entry: "noteAsked",
      invoke: {
        src: "renewLead",
        id: "renewLead",
        input: term,
        onDone: [
          { guard: "isTooLate", ...lostAs(noAnswer) },
          { guard: isKept, target: "holding", actions: "confirm" },
          lostAs(gone),
        ],
        onError: { target: "retrying", actions: missed },
      },
      after: { askTimeout: { target: "retrying", actions: noAnswer }, renewDeadline: expired },
    }),
    retrying: leadership.createStateConfig({
      description: "A renewal was not confirmed; the lock still holds until the renewal deadline.",
      meta: { waitsFor: "the next try", deadline: "renewRetry" },
      after: { renewRetry: "renewing", renewDeadline: expired },
    }),
  };
};

/** The chart of one instance's part in an election. A host provides the calls to Redis and the task. */
export const leadershipMachine = leadership.createMachine({
  id: "leadership",
  description:
    "At most one of all instances leads. The leader renews its lock, and stops acting before the lock can have expired.",
  context: ({ input }) => ({
    ...input,
    fence: 0,
    lastFence: 0,
    since: input.epochNow(),
    askedAt: input.now(),
    confirmedAt: input.now(),
    trouble: "",
    failure: undefined,
  }),
  initial: "candidate",
  on: {
    cut: [
      { guard: "leads", target: ".ended", actions: [wasCut, cut, "reportAbandoned", "endTerm"] },
      { target: ".ended", actions: cut },
    ],
  },
  states: {
    candidate: {
      description: "Tries to take the lock.",
      meta: { waitsFor: "Redis to answer the candidate", deadline: "askTimeout" },
      entry: "noteAsked",
      on: { resign: "resigning.releasing" },
      invoke: {
        src: "takeLead",
        id: "takeLead",
        onDone: [
          { guard: "isTooLate", target: "follower", actions: noAnswer },
          { guard: isTaken, target: "leader", actions: [beginTerm, "confirm"] },
          { target: "follower" },
        ],
        onError: { target: "follower", actions: missed },
      },
      after: { askTimeout: { target: "follower", actions: noAnswer } },
    },
    follower: {
      description: "Another instance leads, or Redis did not answer.",
      meta: { waitsFor: "the next attempt to take the lock", deadline: "pollInterval" },
      entry: "endTask",
      on: { resign: "resigning.releasing" },
      after: { pollInterval: "candidate" },
    },
    leader: {
      description: "Leads: its task runs, and it renews the lock.",
      meta: { tone: "good" },
      entry: ["reportGained", "beginTask"],
      exit: "abortTask",
      // renewed at once: the last confirmation may be older than a renewal interval allows
      on: { resign: "resigning.settling.renewing", "task.ended": "resigning.releasing", "task.failed": taskFailed },
      initial: "holding",
      states: renewal("#leadership.yielding"),
    },
    yielding: {
      description: "The lead is lost and the task's signal has aborted.",
      meta: { waitsFor: "the task to end", deadline: "yieldTimeout", tone: "caution" },
      on: { resign: "resigning.settling.lost", "task.ended": "follower", "task.failed": taskFailed },
      after: { yieldTimeout: taskOverran },
    },
    resigning: {
      description: "Gives the lead up.",
      initial: "settling",
      states: {
        // the lock outlives the task, so that the next leader does not start beside it
        settling: {
          description: "The task's signal has aborted; the lock is kept until the task has ended.",
          meta: { waitsFor: "the task to end", deadline: "yieldTimeout" },
          on: { "task.ended": "releasing", "task.failed": taskFailed },
          after: { yieldTimeout: taskOverran },
          initial: "holding",
          states: {
            ...renewal("#leadership.resigning.settling.lost"),
            lost: {
              description: "The lock is not of this instance any more; the task may still run.",
              meta: { waitsFor: "the task to end" },
            },
          },
        },
        // also where this instance does not lead: an answer that came too late may have given it the lock
        releasing: {
          description: "Deletes the lock if it is this instance's.",
          meta: { waitsFor: "Redis to delete the lock", deadline: "askTimeout" },
          entry: "endTask",
          invoke: {
            src: "releaseLead",
            id: "releaseLead",
            input: lastTerm,
            onDone: [
              { guard: "leadsNot", target: "#leadership.ended" },
              { guard: isKept, target: "#leadership.ended", actions: ["reportReleased", "endTerm"] },
              { target: "#leadership.ended", actions: [gone, "reportLost", "endTerm"] },
            ],
            onError: [
              { guard: "leads", target: "#leadership.ended", actions: [missed, "reportAbandoned", "endTerm"] },
              { target: "#leadership.ended", actions: missed },
            ],
          },
          after: {
            askTimeout: [
              { guard: "leads", target: "#leadership.ended", actions: [noAnswer, "reportAbandoned", "endTerm"] },
              { target: "#leadership.ended", actions: noAnswer },
            ],
          },
        },
      },
    },
    ended: { type: "final", description: "Takes no part any more." },
  },
  output: ({ context }) => ({ failure: context.failure }),
} satisfies Parameters<typeof leadership.createMachine>[0]);

/** Where a leadership is: `value` and `context`. */
export type LeadershipSnapshot = SnapshotFrom<typeof leadershipMachine>;
