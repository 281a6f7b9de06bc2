/**
 * One worker on a stream whose messages are handled in lanes. It claims lanes while it has room, and otherwise waits: for a message, for
 * a lane that is due, or for room. What happens to a message stands in `message.machine.ts`; the work on it is plain code.
 *
 *   joining -> claiming <-> waiting | full        … -> troubled -> joining        … -> draining -> handingBack -> left
 *
 * `resign` has an arrow in every state before `draining`, and `cut` in every state: it leads to `left` at once.
 * The arrow that does not exist: nothing leads back from `draining`, so nothing is claimed after the drain has begun. A claim whose
 * answer comes after its state is left has leased lanes all the same: the actor hands them back.
 */
import type { SnapshotFrom } from "xstate";
import { assign, setup } from "xstate";
import { declared, declaredCallback } from "./actor.ts";
import type { CompanionCommand, CompanionOutput } from "./companion.ts";
import type { StateMeta } from "./describe.ts";
import { messageOf } from "./thrown.ts";

/** The result of a claim. */
export interface ClaimAnswer {
  /** the id of the last entry that is in its lane: a waiting worker reads on from there */
  readonly routed: string;
  /** ms until a lane may be taken; undefined where no lane has a message */
  readonly dueMs: number | undefined;
  /** whether the stream may have more that is in no lane */
  readonly hasMore: boolean;
  /** whether the worker holds as many lanes as it may */
  readonly isFull: boolean;
}

/** The end of a lane's turn. `hasMore`: a lane may have become due. */
export interface LaneFreed {
  readonly type: "lane.freed";
  readonly hasMore: boolean;
}

/** Every event that the chart takes. */
export type ConsumerEvent = CompanionCommand | LaneFreed;

/** All in ms. */
export interface ConsumerTimes {
  /** the deadline of one call to Redis */
  readonly askTimeoutMs: number;
  /** the pause after the first failure of Redis, doubled with each further one */
  readonly backoffMs: number;
  /** the longest pause */
  readonly backoffCapMs: number;
  /** the longest wait without a claim */
  readonly waitMs: number;
  /** what the work under way gets at the end */
  readonly graceMs: number;
  /** what handing back may take */
  readonly handBackMs: number;
}

/** The times of a consumer without times of its own, in ms. */
export const defaultConsumerTimes: ConsumerTimes = {
  askTimeoutMs: 5000,
  backoffMs: 50,
  backoffCapMs: 2000,
  waitMs: 60_000,
  graceMs: 5000,
  handBackMs: 1000,
};

/** What a consumer is created with. `random` gives 0 to 1. */
export interface ConsumerInput {
  readonly times: ConsumerTimes;
  readonly random: () => number;
}

/** What the chart knows. */
export interface ConsumerContext extends ConsumerInput {
  readonly routed: string;
  readonly dueMs: number | undefined;
  /** failures of Redis in a row */
  readonly failures: number;
  /** why the last call did not succeed */
  readonly trouble: string;
  /** why the chart was ended before its time */
  readonly failure: { readonly error: unknown } | undefined;
}

const consumer = setup({
  types: {} as {
    context: ConsumerContext;
    events: ConsumerEvent;
    input: ConsumerInput;
    output: CompanionOutput;
    meta: StateMeta<ConsumerContext>;
  },
  actors: {
    /** renews the leases of the lanes that are held, and sends `lane.freed` */
    holdLanes: declaredCallback("holdLanes"),
    joinGroup: declared("joinGroup"),
    claimLanes: declared<ClaimAnswer>("claimLanes"),
    awaitEntry: declared<void, { readonly routed: string }>("awaitEntry"),
    finishWork: declared("finishWork"),
    handBack: declared("handBack"),
  },
  actions: {
    noteClaim: assign((_, { answer: { routed, dueMs } }: { answer: ClaimAnswer }) => ({
      routed,
      dueMs,
      failures: 0,
      trouble: "",
    })),
    countFailure: assign(({ context }, { reason }: { reason: string }) => ({ failures: context.failures + 1, trouble: reason })),
    noteFailure: assign({ failure: (_, { error }: { error: unknown }) => ({ error }) }),
    /** a host logs `trouble`, the first of a row as a warning */
    reportTrouble: () => {},
  },
  guards: {
    isFull: (_, { answer }: { answer: ClaimAnswer }) => answer.isFull,
    hasMore: (_, { answer }: { answer: { readonly hasMore: boolean } }) => answer.hasMore,
  },
  delays: {
    askTimeout: ({ context }) => context.times.askTimeoutMs,
    backoff: ({ context: { times, failures, random } }) =>
      (0.5 + 0.5 * random()) * Math.min(times.backoffCapMs, times.backoffMs * 2 ** Math.min(failures - 1, 10)),
    // spread, so that workers that wait for the same lane do not ask in step
    nextDue: ({ context: { dueMs, times, random } }) => Math.min(times.waitMs, (dueMs ?? times.waitMs) + 1 + 20 * random()),
    grace: ({ context }) => context.times.graceMs,
    handBackTimeout: ({ context }) => context.times.handBackMs,
  },
});

/* ---- the words that the states below are written in ---- */
type Claimed = { event: { output: ClaimAnswer } };
type Failed = { event: { error: unknown } };
const claimed = ({ event }: Claimed) => ({ answer: event.output });
const isFull = { type: "isFull" as const, params: claimed };
const hasMore = { type: "hasMore" as const, params: claimed };
const noteClaim = { type: "noteClaim" as const, params: claimed };
const laneHasMore = { type: "hasMore" as const, params: ({ event }: { event: LaneFreed }) => ({ answer: event }) };
const countFailure = { type: "countFailure" as const, params: ({ event }: Failed) => ({ reason: messageOf(event.error) }) };
const noAnswer = { type: "countFailure" as const, params: { reason: "Redis did not answer in time" } };
const inTrouble = { target: "troubled", actions: [countFailure, "reportTrouble"] } as const;
const overran = { target: "troubled", actions: [noAnswer, "reportTrouble"] } as const;
const cutOff = new DOMException("the drain's deadline passed before the consumer had left", "AbortError");

/** The chart of one worker. A host provides the calls to Redis and the work. */
export const consumerMachine = consumer.createMachine({
  id: "consumer",
  description: "Takes lanes that are due, as many as it has room for, and leaves nothing behind when it ends.",
  context: ({ input }) => ({ ...input, routed: "0-0", dueMs: undefined, failures: 0, trouble: "", failure: undefined }),
  invoke: { src: "holdLanes", id: "holdLanes" },
  initial: "joining",
  on: {
    resign: ".draining",
    cut: { target: ".left", actions: { type: "noteFailure", params: { error: cutOff } } },
  },
  states: {
    joining: {
      description: "Creates the stream and its group unless they are there.",
      meta: { waitsFor: "Redis to confirm the group", deadline: "askTimeout" },
      invoke: { src: "joinGroup", id: "joinGroup", onDone: "claiming", onError: inTrouble },
      after: { askTimeout: overran },
    },
    claiming: {
      description: "Routes new messages into their lanes, and takes lanes that are due.",
      meta: { waitsFor: "Redis to answer the claim", deadline: "askTimeout", tone: "good" },
      invoke: {
        src: "claimLanes",
        id: "claimLanes",
        onDone: [
          { guard: isFull, target: "full", actions: noteClaim },
          { guard: hasMore, target: "claiming", reenter: true, actions: noteClaim },
          { target: "waiting", actions: noteClaim },
        ],
        onError: inTrouble,
      },
      after: { askTimeout: overran },
    },
    waiting: {
      description: "Has room; no lane is due.",
      meta: { waitsFor: "a message, or a lane that is due", deadline: "nextDue", tone: "good" },
      on: { "lane.freed": { guard: laneHasMore, target: "claiming" } },
      invoke: {
        src: "awaitEntry",
        id: "awaitEntry",
        input: ({ context }) => ({ routed: context.routed }),
        onDone: "claiming",
        onError: inTrouble,
      },
      after: { nextDue: "claiming" },
    },
    full: {
      description: "Holds as many lanes as it may.",
      meta: { waitsFor: "the end of a lane's turn", tone: "good" },
      on: { "lane.freed": "claiming" },
    },
    troubled: {
      description: "Redis refused a call, or did not answer. The work under way goes on.",
      meta: { waitsFor: "the next try", deadline: "backoff", tone: "caution" },
      after: { backoff: "joining" },
    },
    draining: {
      description: "Claims nothing more; the work under way gets its grace.",
      meta: { waitsFor: "the work under way to end", deadline: "grace" },
      tags: ["ending"],
      on: { resign: undefined },
      invoke: { src: "finishWork", id: "finishWork", onDone: "left", onError: "handingBack" },
      after: { grace: "handingBack" },
    },
    handingBack: {
      description: "Aborts the work that is left and hands its messages back, uncounted.",
      meta: { waitsFor: "the messages to be handed back", deadline: "handBackTimeout" },
      tags: ["ending"],
      on: { resign: undefined },
      invoke: { src: "handBack", id: "handBack", onDone: "left", onError: "left" },
      after: { handBackTimeout: "left" },
    },
    left: { type: "final", tags: ["ending"], description: "Holds no lane any more." },
  },
  output: ({ context }) => ({ failure: context.failure }),
} satisfies Parameters<typeof consumer.createMachine>[0]);

/** Where a consumer is: `value` and `context`. */
export type ConsumerSnapshot = SnapshotFrom<typeof consumerMachine>;
