/**
 * One child process: started, watched, started again after a backoff, given up for a while.
 *
 *   alive { starting -> up -> stopping -> killing }      alive -> backingOff -> alive      alive -> givenUp -> alive
 *
 * The restart is transient, in OTP's word: a child that exits 0 without being asked has `ended`, any other exit is followed by a
 * restart. `givenUp` comes at once for exit code 2 (wrong configuration), else where `maxRestarts` lie within `restartWindowMs`; it
 * lasts for a whole window, after which the child is started again.
 * The child is one actor, which exists exactly in `alive`: it receives `terminate` and `kill` and sends `child.exited`.
 *
 * The arrows that do not exist: `stopping` takes no `stop`, so a child gets at most one SIGTERM, and none if it has announced that it
 * stops; nothing leads from `stopping` or `killing` back to `starting`.
 */
import type { ActorRefFrom, CallbackActorLogic, SnapshotFrom } from "xstate";
import { assign, enqueueActions, sendTo, setup } from "xstate";
import { declaredCallback } from "./actor.ts";
import { isRunning, lifePartOf } from "./phases.ts";
import { messageOf } from "./thrown.ts";

/** How a process ended: its code, or the signal that ended it; both null where no process was there to end. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** How the service in the child reports that it stopped. */
export interface ChildReport {
  readonly outcome: string;
  readonly reason: string;
  readonly exitCode: number;
  readonly error?: string;
}

/** The listeners that a child may have: its health port, and HTTP of its own. */
export type ListenerName = "health" | "http";

/** Where a child listens, and which ports before that one were taken. */
export interface ChildAddress {
  readonly host: string;
  readonly port: number;
  readonly taken: readonly number[];
}

/** Where a child listens, by listener; a listener that has not opened yet is absent. */
export type ChildAddresses = Partial<Readonly<Record<ListenerName, ChildAddress>>>;

/** What the chart sends to the child: one SIGTERM; SIGKILL to the child and all that it started. */
export type ChildCommand = { readonly type: "terminate" } | { readonly type: "kill" };

/** What a start is given: where the child before it listened, and how many starts there were before. */
export interface ChildInput {
  readonly addresses: ChildAddresses;
  readonly restarts: number;
}

/** What the child sends. After `child.exited` and `child.failed` nothing is left of it. */
export type ChildFact =
  | { type: "child.spawned"; pid: number }
  | { type: "child.state"; state: string }
  | { type: "child.listening"; name: ListenerName; address: ChildAddress }
  | { type: "child.reported"; report: ChildReport }
  | ({ type: "child.exited" } & ChildExit)
  | { type: "child.failed"; reason: string };

/** The actor that is supervised: one process a start. */
export type ChildLogic = CallbackActorLogic<ChildCommand, ChildInput>;

/** A caller's commands. `kill` does not wait for the child. */
export type SupervisorCommand = { type: "stop" } | { type: "kill" };

/** Every event that the chart takes. */
export type SupervisorEvent = SupervisorCommand | ChildFact;

/** All in ms, but `maxRestarts`. */
export interface SupervisorSettings {
  /** from the spawn until the child's service is `running` */
  readonly startTimeoutMs: number;
  /** the backoff is a random part of this, doubled for each restart within the window */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** so many restarts are made within `restartWindowMs`; the next failure gives the child up for as long again */
  readonly maxRestarts: number;
  readonly restartWindowMs: number;
  /** from SIGTERM to SIGKILL */
  readonly stopTimeoutMs: number;
  /** from SIGKILL to the exit */
  readonly killTimeoutMs: number;
}

/** The window holds five starts that each take the whole of `startTimeoutMs`, with their backoffs. */
export const defaultSupervisorSettings: SupervisorSettings = {
  startTimeoutMs: 90_000,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  maxRestarts: 4,
  restartWindowMs: 600_000,
  stopTimeoutMs: 30_000,
  killTimeoutMs: 5000,
};

/** What a supervisor is created with; all of it has a default. `settings` replace single defaults; `random` gives 0 to 1. */
export interface SupervisorInput {
  readonly settings?: Partial<SupervisorSettings>;
  /** measures: ms of a monotonic clock; its zero does not matter */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** How a supervision ended: the child exited 0 by itself, was given up when it was stopped, stopped when asked, or had to be killed. */
export type SupervisorEnd = "ended" | "givenUp" | "stopped" | "killed";

/** What the chart knows of its child. */
export interface SupervisorContext {
  readonly settings: SupervisorSettings;
  readonly now: () => number;
  readonly random: () => number;
  readonly pid: number | undefined;
  /** where the service in the child is: `jitter`, `starting.tools`, `running`; empty before its first message */
  readonly phase: string;
  /** where this child listens, or the one before it did */
  readonly addresses: ChildAddresses;
  /** starts after the first one, and when each of those within the window was made */
  readonly restarts: number;
  readonly restartedAt: readonly number[];
  /** ms of the last backoff, as it was drawn; 0 before the first one */
  readonly backoffMs: number;
  /** when `stop` was taken */
  readonly stoppingAt: number | undefined;
  /** how the last child ended, what it reported, and what went wrong with it */
  readonly exit: ChildExit | undefined;
  readonly report: ChildReport | undefined;
  readonly trouble: string;
  readonly end: SupervisorEnd | undefined;
}

/** What the chart ends with: how the supervision ended, and the exit, report and trouble of the last child. */
export interface SupervisorOutput {
  readonly end: SupervisorEnd;
  readonly exit: ChildExit | undefined;
  readonly report: ChildReport | undefined;
  readonly trouble: string;
  readonly restarts: number;
  /** ms from `stop` until the end; 0 without a `stop` */
  readonly stopMs: number;
}

const restartsInWindow = ({ restartedAt, settings, now }: SupervisorContext): readonly number[] =>
  restartedAt.filter((at) => now() - at < settings.restartWindowMs);

const supervisor = setup({
  types: {} as {
    context: SupervisorContext;
    events: SupervisorEvent;
    input: SupervisorInput;
    output: SupervisorOutput;
    children: { child: "child" };
  },
  actors: { child: declaredCallback<ChildCommand, ChildInput>("child") },
  actions: {
    forgetChild: assign({ pid: undefined, phase: "", exit: undefined, report: undefined, trouble: "" }),
    notePid: assign({ pid: (_, params: { pid: number }) => params.pid }),
    notePhase: assign({ phase: (_, params: { state: string }) => params.state }),
    noteAddress: assign({
      addresses: ({ context }, params: { name: ListenerName; address: ChildAddress }) => ({
        ...context.addresses,
        [params.name]: params.address,
      }),
    }),
    noteReport: assign({ report: (_, params: { report: ChildReport }) => params.report }),
    noteExit: assign({ exit: (_, { code, signal }: ChildExit) => ({ code, signal }), pid: undefined }),
    /** the first trouble of a child stays */
    noteTrouble: assign({ trouble: ({ context }, params: { reason: string }) => context.trouble || params.reason }),
    noteStays: assign({
      trouble: ({ context }) => [context.trouble, "did not exit within killTimeoutMs of SIGKILL"].filter(Boolean).join("; "),
    }),
    noteStopping: assign({ stoppingAt: ({ context }) => context.now() }),
    countRestart: assign({
      restarts: ({ context }) => context.restarts + 1,
      restartedAt: ({ context }) => [...restartsInWindow(context), context.now()],
    }),
    /** random, so that services that died together do not come back in step */
    drawBackoff: assign({
      backoffMs: ({ context }) => {
        const { backoffMs, maxBackoffMs } = context.settings;
        return context.random() * Math.min(maxBackoffMs, backoffMs * 2 ** restartsInWindow(context).length);
      },
    }),
    endAs: assign({ end: (_, params: { end: SupervisorEnd }) => params.end }),
    /** a child that stops by itself, or was sent a signal by another process, is only waited for */
    terminateChild: enqueueActions(({ context, enqueue }) => {
      if (lifePartOf(context.phase) !== "stop") enqueue.sendTo("child", { type: "terminate" });
    }),
    killChild: sendTo("child", { type: "kill" }),
  },
  guards: {
    isRunning: (_, params: { state: string }) => isRunning(params.state),
    isMisconfigured: (_, params: ChildExit) => params.code === 2,
    hasEndedWell: (_, params: ChildExit) => params.code === 0,
    hasTooManyRestarts: ({ context }) => restartsInWindow(context).length >= context.settings.maxRestarts,
  },
  delays: {
    startTimeout: ({ context }) => context.settings.startTimeoutMs,
    backoff: ({ context }) => context.backoffMs,
    retryDelay: ({ context }) => context.settings.restartWindowMs,
    stopTimeout: ({ context }) => context.settings.stopTimeoutMs,
    killTimeout: ({ context }) => context.settings.killTimeoutMs,
  },
});

/* ---- the shorthands of the states below ---- */
type Exited = { event: { type: "child.exited" } & ChildExit };
type EventOf<Type extends ChildFact["type"]> = { event: Extract<ChildFact, { type: Type }> };
const exitText = ({ code, signal }: ChildExit): string => {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? "ended without being asked to" : `exited with code ${code}`;
};
const noteExit = { type: "noteExit" as const, params: ({ event }: Exited) => event };
const blameExit = { type: "noteTrouble" as const, params: ({ event }: Exited) => ({ reason: exitText(event) }) };
const isMisconfigured = { type: "isMisconfigured" as const, params: ({ event }: Exited) => event };
const hasEndedWell = { type: "hasEndedWell" as const, params: ({ event }: Exited) => event };
const notePhase = { type: "notePhase" as const, params: ({ event }: EventOf<"child.state">) => event };
const noteFailed = {
  type: "noteTrouble" as const,
  params: ({ event }: EventOf<"child.failed">) => ({ reason: `could not be started: ${event.reason}` }),
};
const broke = {
  type: "noteTrouble" as const,
  params: ({ event }: { event: { error: unknown } }) => ({ reason: `broke its supervision: ${messageOf(event.error)}` }),
};
const trouble = (reason: string) => ({ type: "noteTrouble" as const, params: { reason } });
const endAs = (end: SupervisorEnd) => ({ type: "endAs" as const, params: { end } });
const stopped = { target: "#supervisor.stopped", actions: endAs("stopped") } as const;

/** The chart of one supervised process: starts it, restarts it after a failure, stops it. A host provides `child`. */
export const supervisorMachine = supervisor.createMachine({
  id: "supervisor",
  description:
    "One child process: started again after a failure, later each time, until it fails too often; stopped in order, or killed.",
  context: ({ input }) => ({
    settings: { ...defaultSupervisorSettings, ...input.settings },
    now: input.now ?? (() => performance.now()),
    random: input.random ?? Math.random,
    pid: undefined,
    // equivalent mutant: entering `alive` writes it before any reader can
    phase: "",
    addresses: {},
    restarts: 0,
    restartedAt: [],
    backoffMs: 0,
    stoppingAt: undefined,
    exit: undefined,
    report: undefined,
    // equivalent mutant: entering `alive` writes it before any reader can
    trouble: "",
    end: undefined,
  }),
  initial: "alive",
  states: {
    alive: {
      description: "A child process exists, or is about to.",
      entry: "forgetChild",
      invoke: {
        src: "child",
        id: "child",
        input: ({ context: { addresses, restarts } }) => ({ addresses, restarts }),
        onError: { target: "givenUp", actions: broke },
      },
      on: {
        stop: ".stopping",
        kill: ".killing",
        "child.spawned": { actions: { type: "notePid", params: ({ event }) => event } },
        "child.state": { actions: notePhase },
        "child.listening": { actions: { type: "noteAddress", params: ({ event }) => event } },
        "child.reported": { actions: { type: "noteReport", params: ({ event }) => event } },
        "child.exited": [
          { guard: isMisconfigured, target: "givenUp", actions: [noteExit, blameExit] },
          { guard: hasEndedWell, target: "ended", actions: noteExit },
          { guard: "hasTooManyRestarts", target: "givenUp", actions: [noteExit, blameExit] },
          { target: "backingOff", actions: [noteExit, blameExit] },
        ],
        "child.failed": [
          { guard: "hasTooManyRestarts", target: "givenUp", actions: noteFailed },
          { target: "backingOff", actions: noteFailed },
        ],
      },
      initial: "starting",
      states: {
        starting: {
          description: "The process has been started; its service is not yet running.",
          meta: { waitsFor: "the child's service to be running", deadline: "startTimeout" },
          on: {
            "child.state": {
              guard: { type: "isRunning", params: ({ event }) => event },
              target: "up",
              actions: notePhase,
            },
          },
          after: { startTimeout: { target: "replacing", actions: trouble("was not running within startTimeoutMs") } },
        },
        up: {
          description: "The child's service is running, or stops by itself.",
          meta: { waitsFor: "the child's exit, for as long as it lives" },
        },
        replacing: {
          description: "A child that did not come up is killed before another is started.",
          meta: { waitsFor: "the exit of a child that was killed", deadline: "killTimeout" },
          entry: "killChild",
          on: { stop: "killing" },
          after: {
            killTimeout: { target: "#supervisor.givenUp", actions: "noteStays" },
          },
        },
        stopping: {
          description: "The child has got its one SIGTERM, or stops already.",
          meta: { waitsFor: "the exit of a child that was asked to stop", deadline: "stopTimeout" },
          entry: ["noteStopping", "terminateChild"],
          on: {
            stop: undefined,
            "child.exited": { ...stopped, actions: [noteExit, endAs("stopped")] },
            "child.failed": stopped,
          },
          after: { stopTimeout: { target: "killing", actions: trouble("did not stop within stopTimeoutMs") } },
        },
        killing: {
          description: "The child and all that it started have got SIGKILL.",
          meta: { waitsFor: "the exit of a child that was killed", deadline: "killTimeout" },
          entry: "killChild",
          on: {
            stop: undefined,
            kill: undefined,
            "child.exited": { target: "#supervisor.stopped", actions: [noteExit, endAs("killed")] },
            "child.failed": { target: "#supervisor.stopped", actions: endAs("killed") },
          },
          after: {
            killTimeout: {
              target: "#supervisor.stopped",
              actions: ["noteStays", endAs("killed")],
            },
          },
        },
      },
    },
    backingOff: {
      description: "The child failed; the next one is started after the backoff.",
      meta: { waitsFor: "the backoff to pass", deadline: "backoff" },
      entry: "drawBackoff",
      on: { stop: stopped, kill: stopped },
      after: { backoff: { target: "alive", actions: "countRestart" } },
    },
    ended: { description: "The child exited 0 without being asked.", type: "final", entry: endAs("ended") },
    givenUp: {
      description: "The child is wrongly configured, or failed too often: another is started much later.",
      meta: { waitsFor: "a whole restartWindowMs to pass", deadline: "retryDelay" },
      entry: endAs("givenUp"),
      on: { stop: "stopped", kill: "stopped" },
      after: { retryDelay: { target: "alive", actions: "countRestart" } },
    },
    stopped: { description: "The child was stopped or killed because a caller asked for it.", type: "final" },
  },
  output: ({ context }) => ({
    // equivalent mutant: every end names itself; the default keeps the output total
    end: context.end ?? "stopped",
    exit: context.exit,
    report: context.report,
    trouble: context.trouble,
    restarts: context.restarts,
    stopMs: context.stoppingAt === undefined ? 0 : context.now() - context.stoppingAt,
  }),
} satisfies Parameters<typeof supervisor.createMachine>[0]);

/** The type of the supervisor chart. */
export type SupervisorMachine = typeof supervisorMachine;
/** Where a supervision is: `value` and `context`. */
export type SupervisorSnapshot = SnapshotFrom<SupervisorMachine>;
/** A running supervision. */
export type SupervisorActor = ActorRefFrom<SupervisorMachine>;
