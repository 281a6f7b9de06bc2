/**
 * Several services in one process. A member boots once those that it comes after run, and stops once those that come after it have
 * stopped; members without such an order boot and stop together.
 *
 *   planned -> booting -> running -> stopping -> stopped      planned | booting -> stopping      booting | running -> stopped
 *
 * The life of each service is its own chart, with its own deadlines: this chart only decides whose turn it is. Each member is one actor,
 * from the beginning to the end: it receives `boot` and `stop`, and sends `member.running`, `member.failed` and `member.stopped`.
 *
 * The arrows that do not exist: nothing leads from `stopping` back, and no member is sent `boot` once it is to stop. A `stop` that comes
 * while the group stops changes no order; its error is passed on, so that the process fails.
 */
import type { ActorRefFrom, CallbackActorLogic, SnapshotFrom } from "xstate";
import { assign, enqueueActions, setup } from "xstate";
import { declaredCallback } from "./actor.ts";
import type { StateMeta } from "./describe.ts";

/** One service of a group. */
export interface GroupMember {
  /** its `serviceName`; members may share one */
  readonly name: string;
  /** the members that it boots after and stops before, by their place in the list of all */
  readonly after: readonly number[];
}

/** Why a member is to stop. With an error it stops as failed. */
export interface GroupEnd {
  readonly reason: string;
  readonly error?: Error;
}

/** Where a member is, as far as the group is concerned: `stopping` once it was sent `stop`. */
export type MemberPlace = "waiting" | "booting" | "running" | "stopping" | "stopped";

/** A member, and what has happened to it. */
export interface MemberRecord extends GroupMember {
  readonly place: MemberPlace;
  /** whether it has been running */
  readonly hasRun: boolean;
  /** why it is to stop; the first reason stays */
  readonly end: GroupEnd | undefined;
}

/** The first failure of all members. */
export interface GroupCause {
  /** the place in the list of the member that failed */
  readonly at: number;
  readonly code: string;
  readonly message: string;
}

/** What the chart sends to a member. */
export type MemberCommand = { readonly type: "boot" } | ({ readonly type: "stop" } & GroupEnd);

/** What a member's actor is spawned with: its place in the list. */
export interface MemberInput {
  readonly at: number;
}

/** What a member sends. A member that fails sends `member.failed` before `member.stopped`. */
export type MemberFact =
  | { type: "member.running"; at: number }
  | ({ type: "member.failed" } & GroupCause)
  | { type: "member.stopped"; at: number };

/** A host's commands. */
export type GroupCommand = { type: "boot" } | ({ type: "stop" } & GroupEnd);

/** Every event that the chart takes. */
export type GroupEvent = GroupCommand | MemberFact;

/**
 * What a failure ends. `together`: every member. `apart`: the members that come after the one that failed, directly or not; the others
 * go on.
 */
export type GroupFailing = "together" | "apart";

/** What a group is created with. */
export interface GroupInput {
  /** no member comes after itself, directly or not */
  readonly members: readonly GroupMember[];
  readonly fail: GroupFailing;
}

/** What the chart knows. */
export interface GroupContext {
  readonly members: readonly MemberRecord[];
  readonly fail: GroupFailing;
  readonly cause: GroupCause | undefined;
}

/** What the chart ends with: the first failure, if there was one. */
export interface GroupOutput {
  readonly cause: GroupCause | undefined;
}

type Members = readonly MemberRecord[];
const waiting: MemberPlace = "waiting";
const stopped: MemberPlace = "stopped";
const isStopped = ({ place }: MemberRecord): boolean => place === stopped;
const isEnding = ({ place }: MemberRecord): boolean => place === "stopping" || place === stopped;

/** Those that come after a member, directly or not. */
const dependents = (members: Members, at: number): ReadonlySet<number> => {
  const found = new Set<number>();
  const follow = (of: number) => {
    for (const [other, { after }] of members.entries())
      if (after.includes(of) && !found.has(other)) {
        found.add(other);
        follow(other);
      }
  };
  follow(at);
  return found;
};

const mayBoot = (members: Members, { place, end, after }: MemberRecord): boolean =>
  place === waiting && end === undefined && after.every((at) => members[at]!.hasRun);
const mayStop = (members: Members, member: MemberRecord, at: number): boolean =>
  member.end !== undefined && !isEnding(member) && members.every((other) => !other.after.includes(at) || isStopped(other));

/** A member that was sent `stop` and is running all the same stays where it is. */
const run = (member: MemberRecord): MemberRecord => ({
  ...member,
  hasRun: true,
  place: isEnding(member) ? member.place : "running",
});

/** Gives each member that `isMeant` an end, unless it has one or has stopped. */
const ended = (members: Members, end: GroupEnd, isMeant: (at: number) => boolean): Members =>
  members.map((member, at) => (isMeant(at) && !isStopped(member) ? { ...member, end: member.end ?? end } : member));

/** The name of a member's actor among the children of the chart. */
export const memberId = (at: number): string => `member.${at}`;

const group = setup({
  types: {} as {
    context: GroupContext;
    events: GroupEvent;
    input: GroupInput;
    output: GroupOutput;
    meta: StateMeta<GroupContext>;
  },
  actors: { member: declaredCallback<MemberCommand, MemberInput>("member") },
  actions: {
    beginMembers: enqueueActions(({ context, enqueue }) => {
      for (const at of context.members.keys()) enqueue.spawnChild("member", { id: memberId(at), input: { at } });
    }),
    noteRunning: assign({
      members: ({ context }, { at }: { at: number }) => context.members.with(at, run(context.members[at]!)),
    }),
    /** the first failure stays */
    noteCause: assign({ cause: ({ context }, cause: GroupCause) => context.cause ?? cause }),
    /** by a failure everything stops, or what comes after the one that failed, and in any case that one */
    endByFailure: assign({
      members: ({ context: { members, fail } }, { at }: GroupCause) => {
        const meant = dependents(members, at);
        return ended(
          members,
          { reason: `${members[at]!.name} failed` },
          (other) => fail === "together" || other === at || meant.has(other),
        );
      },
    }),
    /** what comes after a member that has never run cannot boot any more */
    noteStopped: assign({
      members: ({ context: { members } }, { at }: { at: number }) => {
        const { name, hasRun } = members[at]!;
        const next = members.with(at, { ...members[at]!, place: stopped });
        const meant = hasRun ? new Set<number>() : dependents(members, at);
        return ended(next, { reason: `${name} has stopped before it was running` }, (other) => meant.has(other));
      },
    }),
    endAll: assign({ members: ({ context }, end: GroupEnd) => ended(context.members, end, () => true) }),
    /** an error that comes while the group stops: for those that stop already, and for those whose turn comes later */
    passError: enqueueActions(({ context: { members }, enqueue }, end: GroupEnd) => {
      if (end.error === undefined) return;
      for (const [at, { place }] of members.entries())
        if (place === "stopping") enqueue.sendTo(memberId(at), { type: "stop", ...end });
      enqueue.assign({
        members: members.map((member) => (isEnding(member) ? member : { ...member, end: { ...end, ...member.end } })),
      });
    }),
    /** sends `boot` and `stop` to each member whose turn has come */
    takeTurns: enqueueActions(({ context: { members }, enqueue }) => {
      const turns = members.map((member, at) => {
        if (mayBoot(members, member)) return { type: "boot" } as const;
        return mayStop(members, member, at) ? ({ type: "stop", ...member.end! } as const) : undefined;
      });
      for (const [at, command] of turns.entries()) if (command !== undefined) enqueue.sendTo(memberId(at), command);
      const places = { boot: "booting", stop: "stopping" } as const;
      enqueue.assign({
        members: members.map((member, at) => {
          const command = turns[at];
          return command === undefined ? member : { ...member, place: places[command.type] };
        }),
      });
    }),
  },
  guards: {
    isTogether: ({ context }) => context.fail === "together",
    /** no member is still to be booted, or on its way */
    isUp: ({ context }) => context.members.every((member) => member.hasRun || member.end !== undefined || isStopped(member)),
    isOver: ({ context }) => context.members.every(isStopped),
  },
});

/* ---- the shorthands of the states below ---- */
type EventOf<Type extends GroupEvent["type"]> = { event: Extract<GroupEvent, { type: Type }> };
const endOf = ({ event: { reason, error } }: EventOf<"stop">): GroupEnd => ({
  reason,
  ...(error === undefined ? {} : { error }),
});
const causeOf = ({ event: { at, code, message } }: EventOf<"member.failed">): GroupCause => ({ at, code, message });
const noteCause = { type: "noteCause" as const, params: causeOf };
const endByFailure = { type: "endByFailure" as const, params: causeOf };
const noteRunning = { type: "noteRunning" as const, params: ({ event }: EventOf<"member.running">) => event };
const noteStopped = { type: "noteStopped" as const, params: ({ event }: EventOf<"member.stopped">) => event };
const endAll = { type: "endAll" as const, params: endOf };
const stop = { target: "stopping", actions: endAll } as const;
const isOver = { guard: "isOver", target: "stopped" } as const;

/** While members boot, run or stop. */
const whileMembersLive = {
  "member.running": { actions: [noteRunning, "takeTurns"] },
  "member.stopped": { actions: [noteStopped, "takeTurns"] },
} as const;
/** While none of them has to stop: a `stop`, and the failure of one. */
const whileAllAreWanted = {
  ...whileMembersLive,
  stop,
  "member.failed": [
    { guard: "isTogether", target: "stopping", actions: [noteCause, endByFailure] },
    { actions: [noteCause, endByFailure, "takeTurns"] },
  ],
} as const;

/** The chart of a group. A host provides `member`. */
export const groupMachine = group.createMachine({
  id: "group",
  description: "Several services in one process: booted in the order of what they need, and stopped in the reverse of it.",
  context: ({ input: { members, fail } }) => ({
    members: members.map((member) => ({ ...member, place: waiting, hasRun: false, end: undefined })),
    fail,
    cause: undefined,
  }),
  initial: "planned",
  entry: "beginMembers",
  states: {
    planned: {
      description: "No member has been booted.",
      meta: { waitsFor: "boot" },
      on: {
        boot: "booting",
        stop,
      },
    },
    booting: {
      description: "Members boot, each once those that it comes after run.",
      meta: { waitsFor: "all members to be running; each has deadlines of its own" },
      entry: "takeTurns",
      on: whileAllAreWanted,
      always: [isOver, { guard: "isUp", target: "running" }],
    },
    running: {
      description: "Every member has been running, or can no longer be.",
      meta: { waitsFor: "a stop, or the end of all members", tone: "good" },
      on: whileAllAreWanted,
      always: isOver,
    },
    stopping: {
      description: "Members stop, each once those that come after it have stopped.",
      meta: { waitsFor: "all members to stop; each has deadlines of its own", tone: "caution" },
      tags: ["ending"],
      entry: "takeTurns",
      on: {
        ...whileMembersLive,
        "member.failed": { actions: noteCause },
        stop: { actions: { type: "passError", params: endOf } },
      },
      always: isOver,
    },
    stopped: { type: "final", tags: ["ending"], description: "Every member has stopped." },
  },
  output: ({ context }) => ({ cause: context.cause }),
} satisfies Parameters<typeof group.createMachine>[0]);

/** The type of the group chart. */
export type GroupMachine = typeof groupMachine;
/** Where a group is: `value` and `context`. */
export type GroupSnapshot = SnapshotFrom<GroupMachine>;
/** A running group. */
export type GroupActor = ActorRefFrom<GroupMachine>;
/** The actor `member` that a host provides: one service. */
export type MemberLogic = CallbackActorLogic<MemberCommand, MemberInput>;
