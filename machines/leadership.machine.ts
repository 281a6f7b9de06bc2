/**
 * One instance's part in an election: at most one of all that run this chart under one name is in `leader`.
 *
 *   candidate <-> follower        candidate -> leader -> yielding -> follower        … -> resigning -> ended
 *
 * A leader reckons by its own clock, from the moment it asked and not from the answer, and steps down a margin before the lock
 * can have expired. `resign` has an arrow everywhere before `resigning`.
 * The arrow that does not exist: nothing leads from `yielding` to `leader`, so no task begins while an older one still runs.
 */
import type { SnapshotFrom } from "xstate";
import { assign, emit, fromPromise, setup } from "xstate";
import { messageOf } from "./thrown.ts";

/** What Redis says to a candidate: the lead is ours, under this fencing token, or somebody else has it. */
export type LeadAnswer = { readonly type: "taken"; readonly fence: number } | { readonly type: "held" };

/** What Redis says to a leader: the lock is still of this term, or it is not. */
export type RenewAnswer = { readonly type: "kept" } | { readonly type: "gone" };

/** A term of office, by its fencing token. */
export interface LeadTerm {
  readonly fence: number;
}

export type LeadershipEvent = { type: "resign" };

/** What an observer hears. */
export type LeadershipFact =
  | { type: "lead.taken"; fence: number }
  | { type: "lead.lost"; fence: number; reason: string }
  | { type: "lead.resigned"; fence: number };

/** All in ms. */
export interface LeadershipTimes {
  /** what the lock lives without a renewal */
  readonly leadTtlMs: number;
  /** how long before the lock's end its holder stops acting */
  readonly leadMarginMs: number;
  readonly renewMs: number;
  /** the pause after a renewal that got no answer */
  readonly renewRetryMs: number;
  readonly pollMs: number;
  /** the deadline of one call to Redis */
  readonly askTimeoutMs: number;
  /** what a task gets to end after its signal aborted */
  readonly yieldTimeoutMs: number;
}

export const defaultLeadershipTimes: LeadershipTimes = {
  leadTtlMs: 3000,
  leadMarginMs: 500,
  renewMs: 1000,
  renewRetryMs: 200,
  pollMs: 1000,
  askTimeoutMs: 800,
  yieldTimeoutMs: 6000,
};

export interface LeadershipInput {
  readonly times?: Partial<LeadershipTimes>;
  /** ms of a clock that never jumps back; where it starts does not matter */
  readonly now: () => number;
  readonly random: () => number;
}

export interface LeadershipContext extends Required<Omit<LeadershipInput, "times">> {
  readonly times: LeadershipTimes;
  /** the token of this term, or of the last one; 0 before the first */
  readonly fence: number;
  /** when the call under way was made */
  readonly askedAt: number;
  /** when the call that Redis last agreed to was made */
  readonly confirmedAt: number;
  /** why the last call did not succeed */
  readonly trouble: string;
  /** what the task failed with, as it was thrown */
  readonly failure: { readonly error: unknown } | undefined;
}

export interface LeadershipOutput {
  readonly failure: { readonly error: unknown } | undefined;
}

const notProvided = (name: string) => () => Promise.reject(new Error(`actor '${name}' was not provided`));
/** a period ± 10 %, so that candidates do not ask in step */
const spread = (ms: number, random: () => number): number => ms * (0.9 + 0.2 * random());
const actsUntil = ({ confirmedAt, times }: LeadershipContext): number => confirmedAt + times.leadTtlMs - times.leadMarginMs;

const leadership = setup({
  types: {} as {
    context: LeadershipContext;
    events: LeadershipEvent;
    input: LeadershipInput;
    output: LeadershipOutput;
    emitted: LeadershipFact;
  },
  actors: {
    takeLead: fromPromise<LeadAnswer>(notProvided("takeLead")),
    renewLead: fromPromise<RenewAnswer, LeadTerm>(notProvided("renewLead")),
    releaseLead: fromPromise<void>(notProvided("releaseLead")),
    leadTask: fromPromise<void, LeadTerm>(notProvided("leadTask")),
    /** settles with the task of the term that is over */
    settleTask: fromPromise<void>(notProvided("settleTask")),
  },
  actions: {
    noteAsked: assign({ askedAt: ({ context }) => context.now() }),
    confirm: assign({ confirmedAt: ({ context }) => context.askedAt, trouble: "" }),
    noteFence: assign({
      fence: (_, params: { answer: LeadAnswer }) => (params.answer.type === "taken" ? params.answer.fence : 0),
    }),
    noteTrouble: assign({ trouble: (_, params: { reason: string }) => params.reason }),
    /** the first failure stays */
    noteFailure: assign({ failure: ({ context }, params: { error: unknown }) => context.failure ?? { error: params.error } }),
    tellTaken: emit(({ context }) => ({ type: "lead.taken" as const, fence: context.fence })),
    tellLost: emit(({ context }) => ({ type: "lead.lost" as const, fence: context.fence, reason: context.trouble })),
    tellResigned: emit(({ context }) => ({ type: "lead.resigned" as const, fence: context.fence })),
  },
  guards: {
    isTaken: (_, params: { answer: LeadAnswer }) => params.answer.type === "taken",
    isKept: (_, params: { answer: RenewAnswer }) => params.answer.type === "kept",
    /** an answer that was long under way may be about a lock that has expired since */
    isTooLate: ({ context }) => actsUntil({ ...context, confirmedAt: context.askedAt }) <= context.now(),
  },
  delays: {
    pollInterval: ({ context }) => spread(context.times.pollMs, context.random),
    renewInterval: ({ context }) => context.times.renewMs,
    renewRetry: ({ context }) => spread(context.times.renewRetryMs, context.random),
    askTimeout: ({ context }) => context.times.askTimeoutMs,
    yieldTimeout: ({ context }) => context.times.yieldTimeoutMs,
    leadEnd: ({ context }) => Math.max(0, actsUntil(context) - context.now()),
  },
});

/* ---- the few words that the states below are written in ---- */
type Failed = { event: { error: unknown } };
const isTaken = {
  type: "isTaken" as const,
  params: ({ event }: { event: { output: LeadAnswer } }) => ({ answer: event.output }),
};
const isKept = { type: "isKept" as const, params: ({ event }: { event: { output: RenewAnswer } }) => ({ answer: event.output }) };
const noteFence = {
  type: "noteFence" as const,
  params: ({ event }: { event: { output: LeadAnswer } }) => ({ answer: event.output }),
};
const missed = { type: "noteTrouble" as const, params: ({ event }: Failed) => ({ reason: messageOf(event.error) }) };
const because = (reason: string) => ({ type: "noteTrouble" as const, params: { reason } });
const silent = because("Redis did not answer in time");
const failed = { type: "noteFailure" as const, params: ({ event }: Failed) => ({ error: event.error }) };
const overran = {
  type: "noteFailure" as const,
  params: { error: new Error("the leader's task went on after its signal aborted and outlived yieldTimeoutMs") },
};
const term = ({ context }: { context: LeadershipContext }): LeadTerm => ({ fence: context.fence });
/** by our own clock the lock may be about to expire */
const expired = { target: "#leadership.yielding", actions: because("the lock could not be renewed before its end") } as const;

export const leadershipMachine = leadership.createMachine({
  id: "leadership",
  description:
    "At most one of all instances leads. The leader renews its lock, and stops acting before the lock can have expired.",
  context: ({ input: { times, now, random } }) => ({
    times: { ...defaultLeadershipTimes, ...times },
    now,
    random,
    fence: 0,
    askedAt: now(),
    confirmedAt: now(),
    trouble: "",
    failure: undefined,
  }),
  initial: "candidate",
  states: {
    candidate: {
      entry: "noteAsked",
      on: { resign: "resigning.releasing" },
      invoke: {
        src: "takeLead",
        id: "takeLead",
        onDone: [
          { guard: "isTooLate", target: "follower", actions: silent },
          { guard: isTaken, target: "leader", actions: [noteFence, "confirm", "tellTaken"] },
          { target: "follower" },
        ],
        onError: { target: "follower", actions: missed },
      },
      after: { askTimeout: { target: "follower", actions: silent } },
    },
    follower: {
      on: { resign: "resigning.releasing" },
      after: { pollInterval: "candidate" },
    },
    leader: {
      on: { resign: "resigning" },
      invoke: {
        src: "leadTask",
        id: "leadTask",
        input: term,
        onDone: "resigning.releasing",
        onError: { target: "resigning.releasing", actions: failed },
      },
      initial: "holding",
      states: {
        holding: { after: { renewInterval: "renewing", leadEnd: expired } },
        renewing: {
          entry: "noteAsked",
          invoke: {
            src: "renewLead",
            id: "renewLead",
            input: term,
            onDone: [
              { guard: "isTooLate", target: "#leadership.yielding", actions: silent },
              { guard: isKept, target: "holding", actions: "confirm" },
              { target: "#leadership.yielding", actions: because("the lock was no longer ours") },
            ],
            onError: { target: "retrying", actions: missed },
          },
          after: { askTimeout: { target: "retrying", actions: silent }, leadEnd: expired },
        },
        retrying: { after: { renewRetry: "renewing", leadEnd: expired } },
      },
    },
    /** the lead is gone, the task has been told */
    yielding: {
      entry: "tellLost",
      on: { resign: "resigning" },
      invoke: {
        src: "settleTask",
        id: "settleTask",
        onDone: "follower",
        onError: { target: "resigning.releasing", actions: failed },
      },
      after: { yieldTimeout: { target: "resigning.releasing", actions: overran } },
    },
    resigning: {
      initial: "settling",
      states: {
        /** the lock outlives the task, so that the next leader does not start beside it */
        settling: {
          invoke: { src: "settleTask", id: "settleTask", onDone: "releasing", onError: { target: "releasing", actions: failed } },
          after: { yieldTimeout: { target: "releasing", actions: overran } },
        },
        /** also where the lock may not be ours: an answer that we did not wait for may have given it to us */
        releasing: {
          invoke: {
            src: "releaseLead",
            id: "releaseLead",
            onDone: { target: "#leadership.ended", actions: "tellResigned" },
            onError: { target: "#leadership.ended", actions: missed },
          },
          after: { askTimeout: { target: "#leadership.ended", actions: silent } },
        },
      },
    },
    ended: { type: "final" },
  },
  output: ({ context }) => ({ failure: context.failure }),
} satisfies Parameters<typeof leadership.createMachine>[0]);

export type LeadershipSnapshot = SnapshotFrom<typeof leadershipMachine>;
