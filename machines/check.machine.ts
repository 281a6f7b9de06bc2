/**
 * One check of a health server: of Redis, or of the service's own. It fails after a number of misses in a row, and passes again after a
 * number of answers in a row. Spawned by the health port for as long as the service takes traffic; each verdict goes to the port.
 *
 *   unproven -> passing <-> doubted -> failing -> passing
 *
 * The chart has no delays: the schedule of the checks is an actor, which sends `check.missed` and `check.answered`.
 */
import type { ActorRef, AnyEventObject, NonReducibleUnknown, Snapshot, SnapshotFrom } from "xstate";
import { assign, sendTo, setup } from "xstate";
import { declaredCallback } from "./actor.ts";
import type { StateMeta } from "./describe.ts";

/**
 * What a check is for. `redis`: readiness, and known to pass, since Redis has passed the ping gate. `readiness`: whether the service
 * takes traffic. `liveness`: whether its process should go on.
 */
export type CheckKind = "redis" | "readiness" | "liveness";

/** One check, as its chart knows it. */
export interface CheckSettings {
  readonly check: string;
  readonly kind: CheckKind;
  /** misses in a row after which it fails */
  readonly failures: number;
  /** answers in a row after which it passes */
  readonly successes: number;
}

/** What a check has found. */
export interface CheckVerdict {
  /** its name */
  readonly check: string;
  readonly kind: CheckKind;
  /** whether it counts as passed */
  readonly passing: boolean;
  /** misses in a row */
  readonly failures: number;
  /** reason of the latest miss, also while the check still counts as passed; empty after an answer */
  readonly reason: string;
}

/** What a check reports, as data. */
export type CheckFact =
  /** Redis has missed `failures` checks in a row, as many as make readiness fall; `reason` is the latest one's */
  | { readonly type: "redis.unreachable"; readonly failures: number; readonly reason: string }
  /** the first check that Redis answered, after it had missed `missed` */
  | { readonly type: "redis.restored"; readonly missed: number }
  /** a check of the service's own fails; `reason` is that of its latest miss */
  | {
      readonly type: "check.failed";
      readonly check: string;
      readonly kind: CheckKind;
      readonly failures: number;
      readonly reason: string;
    }
  /** a check of the service's own passes again, after `missed` misses */
  | { readonly type: "check.restored"; readonly check: string; readonly kind: CheckKind; readonly missed: number };

/** What a check sends to its port: each verdict, with a fact where the verdict has changed. */
export interface CheckJudged {
  readonly type: "check.judged";
  readonly verdict: CheckVerdict;
  readonly fact?: CheckFact;
}

/** What the schedule sends. Answers that can change nothing are left out. */
export type CheckEvent = { type: "check.missed"; reason: string } | { type: "check.answered" };

/** What a check is spawned with. */
export interface CheckInput extends CheckSettings {
  readonly parent: ActorRef<Snapshot<unknown>, CheckJudged>;
}

/** What the chart of a check knows. */
export interface CheckContext {
  readonly settings: CheckSettings;
  readonly parent: CheckInput["parent"];
  /** misses in a row, and the reason of the latest */
  readonly missed: number;
  readonly trouble: string;
  /** answers in a row since the check began or failed */
  readonly answered: number;
}

/** The verdict before the first answer: a liveness check counts as passed, since a restart costs more than a late one. */
export const firstVerdict = ({ check, kind }: CheckSettings): CheckVerdict => ({
  check,
  kind,
  passing: kind !== "readiness",
  failures: 0,
  reason: "",
});

type Judge = (context: CheckContext) => Omit<CheckJudged, "type">;
const verdictOf = ({ settings: { check, kind }, missed: failures, trouble: reason }: CheckContext, passing: boolean) => ({
  check,
  kind,
  passing,
  failures,
  reason,
});
const fallen = ({ settings: { check, kind }, missed: failures, trouble: reason }: CheckContext): CheckFact =>
  kind === "redis" ? { type: "redis.unreachable", failures, reason } : { type: "check.failed", check, kind, failures, reason };
const risen = ({ settings: { check, kind }, missed }: CheckContext): CheckFact =>
  kind === "redis" ? { type: "redis.restored", missed } : { type: "check.restored", check, kind, missed };
const judge = (judged: Judge) =>
  sendTo<CheckContext, CheckEvent, NonReducibleUnknown, CheckInput["parent"], CheckEvent, never>(
    ({ context }) => context.parent,
    ({ context }) => ({ type: "check.judged", ...judged(context) }),
  );

const check = setup({
  types: {} as { context: CheckContext; events: CheckEvent; input: CheckInput; meta: StateMeta<CheckContext> },
  actors: { checkSchedule: declaredCallback<AnyEventObject, CheckSettings>("checkSchedule") },
  actions: {
    countMissed: assign(({ context }, { reason }: { reason: string }) => ({
      missed: context.missed + 1,
      trouble: reason,
      answered: 0,
    })),
    countAnswered: assign({ answered: ({ context }) => context.answered + 1 }),
    forget: assign({ missed: 0, trouble: "", answered: 0 }),
    judgeUnproven: judge((context) => ({ verdict: verdictOf(context, firstVerdict(context.settings).passing) })),
    judgePassing: judge((context) => ({ verdict: verdictOf(context, true) })),
    judgeFallen: judge((context) => ({ verdict: verdictOf(context, false), fact: fallen(context) })),
    judgeFailing: judge((context) => ({ verdict: verdictOf(context, false) })),
    judgeRisen: judge((context) => ({ verdict: { ...verdictOf(context, true), failures: 0, reason: "" }, fact: risen(context) })),
  },
  guards: {
    isKnown: ({ context }) => context.settings.kind === "redis",
    falls: ({ context }) => context.missed + 1 >= context.settings.failures,
    rises: ({ context }) => context.answered + 1 >= context.settings.successes,
  },
});

/* ---- the few words that the states below are written in ---- */
const countMissed = {
  type: "countMissed" as const,
  params: ({ event: { reason } }: { event: Extract<CheckEvent, { type: "check.missed" }> }) => ({ reason }),
};
const falls = { guard: "falls", target: "failing", actions: [countMissed, "judgeFallen"] } as const;

/** The chart of one check. A host provides its schedule, with the check itself. */
export const checkMachine = check.createMachine({
  id: "check",
  description:
    "One check of a health server: it fails after a number of misses in a row, and passes again after a number of answers.",
  context: ({ input: { parent, ...settings } }) => ({ settings, parent, missed: 0, trouble: "", answered: 0 }),
  invoke: { src: "checkSchedule", id: "checkSchedule", input: ({ context }) => context.settings },
  initial: "unproven",
  states: {
    unproven: {
      description: "Has not been answered yet: readiness waits for it, liveness does not.",
      always: { guard: "isKnown", target: "passing" },
      on: {
        "check.missed": [falls, { actions: [countMissed, "judgeUnproven"] }],
        "check.answered": [
          { guard: "rises", target: "passing", actions: ["forget", "judgePassing"] },
          { actions: "countAnswered" },
        ],
      },
    },
    passing: {
      description: "The latest check was answered.",
      meta: { tone: "good" },
      on: { "check.missed": [falls, { target: "doubted", actions: [countMissed, "judgePassing"] }] },
    },
    doubted: {
      description: "A check was missed, but too few in a row to fail.",
      meta: { tone: "caution" },
      on: {
        "check.missed": [falls, { actions: [countMissed, "judgePassing"] }],
        "check.answered": { target: "passing", actions: ["forget", "judgePassing"] },
      },
    },
    failing: {
      description: "Enough checks in a row were missed: the service is not ready, or not alive.",
      meta: { tone: "bad" },
      on: {
        "check.missed": { actions: [countMissed, "judgeFailing"] },
        "check.answered": [
          { guard: "rises", target: "passing", actions: ["judgeRisen", "forget"] },
          { actions: "countAnswered" },
        ],
      },
    },
  },
} satisfies Parameters<typeof check.createMachine>[0]);

/** Where a check is: `value` and `context`. */
export type CheckSnapshot = SnapshotFrom<typeof checkMachine>;
