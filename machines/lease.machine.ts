/**
 * The registry entry of one instance, and the only writer of it, so that its writes never overlap.
 * A child of the lifecycle: spawned on entering `registering`, released by `stopping.deregistering`.
 *
 *   registering -> held <-> suspect -> lost -> regained -> held
 *
 * `superseded`, `released` and `abandoned` are its ends; `release` has an arrow everywhere before them.
 * The arrow that does not exist: nothing leads back from `releasing`, so no beat follows a delete.
 */
import type { ActorRef, SnapshotFrom, Snapshot as XStateSnapshot } from "xstate";
import { assign, sendTo, setup } from "xstate";
import { declared } from "./actor.ts";
import type { StateMeta } from "./describe.ts";
import type { LeaseStatus } from "./phases.ts";
import { messageOf } from "./thrown.ts";

/** `held`: the service believes itself registered. `ending`: the entry is being deleted, or no longer ours. */
export type LeaseTag = "held" | "ending";

/** Whether the service believes itself registered, by the lease's path: `held.waiting`. */
export const isLeaseHeld = (path: string): boolean => path.split(".", 1)[0] === "held";

/** The process that holds the registry entry in place of this one. */
export interface EntryHolder {
  readonly host: string;
  readonly pid: number;
}

/** What Redis answers to a write: it is done; there is no entry, or an older one; a newer incarnation holds it. */
export type LeaseAnswer =
  | { readonly type: "ok" }
  | { readonly type: "gone" }
  | { readonly type: "superseded"; readonly twin: EntryHolder };

/** What a write carries. `changed` is false for a beat that only prolongs. */
export interface LeaseWrite {
  readonly status: LeaseStatus;
  readonly changed: boolean;
}

/** What the lifecycle sends to its lease: a new status, or that the entry is to be deleted. */
export type LeaseEvent = { type: "status"; status: LeaseStatus } | { type: "release" };

/** What the lease sends to its parent. The first fact is `held`, `lost` or `superseded` or, of one released early, `released` or `abandoned`. */
export type LeaseFact =
  | { type: "lease.held" }
  | { type: "lease.suspect"; reason: string }
  | { type: "lease.lost"; reason: string }
  | { type: "lease.regained" }
  | { type: "lease.superseded"; twin: EntryHolder }
  | { type: "lease.released" }
  | { type: "lease.abandoned"; reason: string };

/** The times of a lease, in ms. */
export interface LeaseTimes {
  /** between two beats, ± 10 % */
  readonly heartbeatMs: number;
  /** the entry expires that long after its last write */
  readonly leaseTtlMs: number;
  /** the deadline of one write */
  readonly writeTimeoutMs: number;
  /** the pause after a write that failed */
  readonly leaseRetryMs: number;
}

/** What a lease is spawned with. */
export interface LeaseInput {
  readonly parent: ActorRef<XStateSnapshot<unknown>, LeaseFact>;
  readonly status: LeaseStatus;
  readonly times: LeaseTimes;
  /** measures: ms of a monotonic clock; its zero does not matter */
  readonly now: () => number;
  /** tells the time: ms since the epoch, for display only */
  readonly epochNow: () => number;
  readonly random: () => number;
}

/** What the lease knows of its entry. */
export interface LeaseContext extends Omit<LeaseInput, "status"> {
  /** the status that the lifecycle asks for */
  readonly wanted: LeaseStatus;
  /** what the write under way carries */
  readonly sent: LeaseStatus | undefined;
  /** when that write began, measured */
  readonly sentAt: number;
  /** what Redis has confirmed */
  readonly written: LeaseStatus | undefined;
  /** when Redis last confirmed it, and when the write that it confirmed began, measured */
  readonly confirmedAt: number;
  readonly provenAt: number;
  /** when Redis last confirmed it, ms since the epoch, for display only */
  readonly confirmedEpoch: number;
  /** writes in a row without an answer */
  readonly missed: number;
  /** why the last write did not succeed */
  readonly trouble: string;
}

/** a period ± 10 %, so that a fleet started together does not beat together */
const spread = (ms: number, random: () => number): number => ms * (0.9 + 0.2 * random());
const longest = (ms: number): number => spread(ms, () => 1);

const lease = setup({
  types: {} as {
    context: LeaseContext;
    events: LeaseEvent;
    input: LeaseInput;
    meta: StateMeta<LeaseContext>;
    tags: LeaseTag;
  },
  actors: {
    registerInstance: declared<LeaseAnswer, LeaseWrite>("registerInstance"),
    renewLease: declared<LeaseAnswer, LeaseWrite>("renewLease"),
    deregisterInstance: declared<void>("deregisterInstance"),
  },
  actions: {
    report: sendTo(
      ({ context }) => context.parent,
      (_, { fact }: { fact: LeaseFact }) => fact,
    ),
    want: assign({ wanted: (_, params: { status: LeaseStatus }) => params.status }),
    noteSent: assign(({ context }) => ({ sent: context.wanted, sentAt: context.now() })),
    confirm: assign(({ context }) => ({
      written: context.sent,
      confirmedAt: context.now(),
      provenAt: context.sentAt,
      confirmedEpoch: context.epochNow(),
      missed: 0,
      trouble: "",
    })),
    forget: assign({ written: undefined }),
    countMissed: assign(({ context }, params: { reason: string }) => ({ missed: context.missed + 1, trouble: params.reason })),
    noteTrouble: assign({ trouble: (_, params: { reason: string }) => params.reason }),
  },
  guards: {
    isOk: (_, params: { answer: LeaseAnswer }) => params.answer.type === "ok",
    isGone: (_, params: { answer: LeaseAnswer }) => params.answer.type === "gone",
    isStale: ({ context }) => context.wanted !== context.written,
  },
  delays: {
    // from the last write, not from its answer: a newer boot may have come between the two, and has to be noticed in time
    heartbeatInterval: ({ context }) =>
      Math.max(0, context.sentAt + spread(context.times.heartbeatMs, context.random) - context.now()),
    leaseRetry: ({ context }) => spread(context.times.leaseRetryMs, context.random),
    leaseTtl: ({ context }) => Math.max(0, context.confirmedAt + context.times.leaseTtlMs - context.now()),
    writeTimeout: ({ context }) => context.times.writeTimeoutMs,
    // what was last proven holds for at most a heartbeat and a beat's deadline: the beat behind a late answer has less
    beatTimeout: ({ context: { times, provenAt, now } }) => {
      const beat = longest(times.heartbeatMs);
      return Math.min(times.writeTimeoutMs, Math.max(beat, provenAt + beat + times.writeTimeoutMs - now()));
    },
  },
});

/* ---- the words that the states below are written in ---- */
type Answered = { event: { output: LeaseAnswer } };
type Failed = { event: { error: unknown } };
const isOk = { type: "isOk" as const, params: ({ event }: Answered) => ({ answer: event.output }) };
const isGone = { type: "isGone" as const, params: ({ event }: Answered) => ({ answer: event.output }) };
const report = (type: "lease.held" | "lease.regained" | "lease.released") => ({
  type: "report" as const,
  params: { fact: { type } },
});
const reportTrouble = (type: "lease.suspect" | "lease.lost" | "lease.abandoned") => ({
  type: "report" as const,
  params: ({ context }: { context: LeaseContext }): { fact: LeaseFact } => ({ fact: { type, reason: context.trouble } }),
});
const reportSuperseded = {
  type: "report" as const,
  params: ({ event }: Answered): { fact: LeaseFact } => {
    const twin = event.output.type === "superseded" ? event.output.twin : { host: "unknown", pid: 0 };
    return { fact: { type: "lease.superseded", twin } };
  },
};
const missed = { type: "countMissed" as const, params: ({ event }: Failed) => ({ reason: messageOf(event.error) }) };
const overran = {
  type: "countMissed" as const,
  params: { reason: "Redis did not answer in time; the outcome of the write is unknown" },
};
const vanished = { type: "noteTrouble" as const, params: { reason: "the entry was gone" } };
const write = ({ context }: { context: LeaseContext }): LeaseWrite => ({
  status: context.wanted,
  changed: context.wanted !== context.written,
});

interface Write {
  readonly description: string;
  readonly waitsFor: string;
  readonly does: "registerInstance" | "renewLease";
  readonly within: "writeTimeout" | "beatTimeout";
  readonly onOk: { readonly target: string; readonly actions: "confirm" | readonly ["confirm", ReturnType<typeof report>] };
  readonly onGone: string;
  /** where an error and the deadline lead: the outcome of the write is unknown */
  readonly onUnknown: string;
}
/** One write of the entry, with every answer that Redis may give to it. */
const writing = ({ description, waitsFor, does, within, onOk, onGone, onUnknown }: Write) =>
  lease.createStateConfig({
    description,
    meta: { waitsFor, deadline: within },
    entry: "noteSent",
    invoke: {
      src: does,
      id: does,
      input: write,
      onDone: [
        { guard: isOk, ...onOk },
        { guard: isGone, target: onGone, actions: vanished },
        { target: "#lease.superseded", actions: reportSuperseded },
      ],
      onError: { target: onUnknown, actions: missed },
    },
    after: { [within]: { target: onUnknown, actions: overran } },
  });

/** The chart of one registry entry, spawned by the lifecycle. A host provides the writes. */
export const leaseMachine = lease.createMachine({
  id: "lease",
  description:
    "The registry entry of one instance: written, prolonged by beats, written again where it was lost, deleted at the end.",
  context: ({ input: { status, ...input } }) => ({
    ...input,
    wanted: status,
    sent: undefined,
    sentAt: input.now(),
    written: undefined,
    confirmedAt: input.now(),
    provenAt: input.now(),
    confirmedEpoch: input.epochNow(),
    missed: 0,
    trouble: "",
  }),
  initial: "registering",
  on: {
    status: { actions: { type: "want", params: ({ event }) => ({ status: event.status }) } },
    release: ".releasing",
  },
  states: {
    registering: writing({
      description: "Writes the entry for the first time.",
      waitsFor: "the entry to be written",
      does: "registerInstance",
      within: "writeTimeout",
      onOk: { target: "#lease.held", actions: ["confirm", report("lease.held")] },
      onGone: "#lease.lost.waiting",
      onUnknown: "#lease.lost.waiting",
    }),
    held: {
      description: "The entry is written and confirmed.",
      meta: { tone: "good" },
      tags: ["held"],
      initial: "waiting",
      states: {
        waiting: {
          description: "Waits until the next beat is due, or the status changes.",
          meta: { waitsFor: "the next beat", deadline: "heartbeatInterval" },
          always: { guard: "isStale", target: "beating" },
          after: { heartbeatInterval: "beating" },
        },
        beating: writing({
          description: "Prolongs the entry.",
          waitsFor: "Redis to confirm the beat",
          does: "renewLease",
          within: "beatTimeout",
          onOk: { target: "waiting", actions: "confirm" },
          onGone: "#lease.lost",
          onUnknown: "#lease.suspect",
        }),
      },
    },
    suspect: {
      description: "A beat was not confirmed; the entry may still be there.",
      meta: { deadline: "leaseTtl", tone: "caution" },
      entry: reportTrouble("lease.suspect"),
      initial: "waiting",
      after: { leaseTtl: "lost" },
      states: {
        waiting: {
          description: "Waits before the next beat.",
          meta: { waitsFor: "the next try", deadline: "leaseRetry" },
          after: { leaseRetry: "beating" },
        },
        beating: writing({
          description: "Prolongs the entry again.",
          waitsFor: "Redis to confirm the beat",
          does: "renewLease",
          within: "writeTimeout",
          onOk: { target: "#lease.held", actions: ["confirm", report("lease.held")] },
          onGone: "#lease.lost",
          onUnknown: "waiting",
        }),
      },
    },
    lost: {
      description: "The entry is gone, or was not confirmed for its TTL.",
      meta: { tone: "bad" },
      entry: ["forget", reportTrouble("lease.lost")],
      initial: "registering",
      states: {
        registering: writing({
          description: "Writes the entry again.",
          waitsFor: "the entry to be written again",
          does: "registerInstance",
          within: "writeTimeout",
          onOk: { target: "#lease.regained", actions: "confirm" },
          onGone: "waiting",
          onUnknown: "waiting",
        }),
        waiting: {
          description: "Waits before the entry is written again.",
          meta: { waitsFor: "the next try", deadline: "leaseRetry" },
          after: { leaseRetry: "registering" },
        },
      },
    },
    regained: {
      description: "The entry is written again; a beat has yet to confirm it.",
      meta: { waitsFor: "the next beat", deadline: "heartbeatInterval", tone: "caution" },
      entry: report("lease.regained"),
      always: { guard: "isStale", target: "held.beating" },
      after: { heartbeatInterval: "held.beating" },
    },
    releasing: {
      description: "Deletes the entry.",
      meta: { waitsFor: "the entry to be deleted", deadline: "writeTimeout" },
      tags: ["ending"],
      on: { release: undefined },
      invoke: {
        src: "deregisterInstance",
        id: "deregisterInstance",
        onDone: { target: "released", actions: report("lease.released") },
        onError: { target: "abandoned", actions: [missed, reportTrouble("lease.abandoned")] },
      },
      after: { writeTimeout: { target: "abandoned", actions: [overran, reportTrouble("lease.abandoned")] } },
    },
    superseded: {
      type: "final",
      tags: ["ending"],
      description: "A newer boot of the same instance id has the entry.",
      meta: { tone: "bad" },
    },
    released: { type: "final", tags: ["ending"], description: "The entry is deleted.", meta: { tone: "good" } },
    abandoned: {
      type: "final",
      tags: ["ending"],
      description: "The delete is not known to have happened; the entry expires by its TTL.",
      meta: { tone: "bad" },
    },
  },
} satisfies Parameters<typeof lease.createMachine>[0]);

/** Where a lease is, and what it knows of the entry. */
export type LeaseSnapshot = SnapshotFrom<typeof leaseMachine>;
