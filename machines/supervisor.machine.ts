/**
 * The life of one child process: started, watched, started again after a backoff, given up.
 *
 *   starting -> up -> backingOff -> starting      stopping -> killing
 *
 * Its ends: `ended` (it exited 0 without being asked), `givenUp` (wrong configuration, or too many quick failures in a row),
 * `stopped`. A failure is quick when it comes before the child has been up for `settleMs`.
 *
 * The arrows that do not exist: `stopping` is entered once and takes no `stop`, so a child gets exactly one polite signal; nothing
 * leads from `stopping` or `killing` back to `starting`.
 */
import type { ActorRefFrom, SnapshotFrom } from "xstate";
import { assign, fromPromise, setup } from "xstate";
import { messageOf } from "./thrown.ts";

/** How a process ended: its code, or the signal that ended it. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What became of a start: the child says that it runs, or it has exited before. */
export type StartAnswer = { readonly type: "up" } | ({ readonly type: "exited" } & ChildExit);

/** How the service in the child says that it stopped. */
export interface ChildReport {
  readonly outcome: string;
  readonly reason: string;
  readonly exitCode: number;
  readonly error?: string;
}

/** All in ms, but `maxQuickFailures`. */
export interface SupervisorSettings {
  /** from the spawn until the child says that it runs */
  readonly startTimeoutMs: number;
  /** the backoff is a random part of this, doubled at each failure in a row */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** up for this long, and earlier failures are forgotten */
  readonly settleMs: number;
  readonly maxQuickFailures: number;
  /** from the polite signal to the kill */
  readonly stopTimeoutMs: number;
  readonly killTimeoutMs: number;
}

export const defaultSupervisorSettings: SupervisorSettings = {
  startTimeoutMs: 90_000,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  settleMs: 30_000,
  maxQuickFailures: 5,
  stopTimeoutMs: 30_000,
  killTimeoutMs: 5000,
};

export interface SupervisorInput {
  readonly settings?: Partial<SupervisorSettings>;
  /** ms since the epoch */
  readonly now?: () => number;
  readonly random?: () => number;
}

export type SupervisorEnd = "ended" | "givenUp" | "stopped" | "killed";

export interface SupervisorContext {
  readonly settings: SupervisorSettings;
  readonly now: () => number;
  readonly random: () => number;
  /** where the service in the child says it is: `jitter`, `starting.tools`, `running` */
  readonly phase: string;
  /** when the child was last started, when it last said that it runs, when it was asked to stop; 0: not yet */
  readonly startedAt: number;
  readonly upAt: number;
  readonly stoppingAt: number;
  /** starts after the first one */
  readonly restarts: number;
  /** quick failures in a row */
  readonly failures: number;
  /** how the last child ended, what it reported, and what went wrong with it */
  readonly exit: ChildExit | undefined;
  readonly report: ChildReport | undefined;
  readonly trouble: string;
  readonly end: SupervisorEnd | undefined;
}

/** What a caller may ask for. `kill` does not wait for the child. */
export type SupervisorCommand = { type: "stop" } | { type: "kill" };

/** What the host hears from the child, in any state. */
export type ChildFact = { type: "child.said"; phase: string } | { type: "child.reported"; report: ChildReport };

export type SupervisorEvent = SupervisorCommand | ChildFact;

export interface SupervisorOutput {
  readonly end: SupervisorEnd;
  readonly exit: ChildExit | undefined;
  readonly report: ChildReport | undefined;
  readonly trouble: string;
  readonly restarts: number;
  /** ms from being asked to stop until the end; 0 if it was not asked */
  readonly stopMs: number;
}

const notProvided = (name: string) => () => Promise.reject(new Error(`actor '${name}' was not provided`));
const said = ({ code, signal }: ChildExit): string => (signal === null ? `exited with code ${code}` : `was ended by ${signal}`);
const exitOf = (value: unknown): ChildExit => {
  const { code, signal } = (value ?? {}) as Partial<ChildExit>;
  return { code: code ?? null, signal: signal ?? null };
};

const supervisor = setup({
  types: {} as {
    context: SupervisorContext;
    events: SupervisorEvent;
    input: SupervisorInput;
    output: SupervisorOutput;
    tags: "alive";
  },
  actors: {
    startChild: fromPromise<StartAnswer>(notProvided("startChild")),
    watchChild: fromPromise<ChildExit>(notProvided("watchChild")),
    stopChild: fromPromise<ChildExit>(notProvided("stopChild")),
    killChild: fromPromise<ChildExit>(notProvided("killChild")),
  },
  actions: {
    noteStart: assign(({ context }) => ({
      startedAt: context.now(),
      upAt: 0,
      // equivalent mutant: entering starting writes it before it is read
      phase: "",
      exit: undefined,
      report: undefined,
      // equivalent mutant: entering starting writes it before it is read
      trouble: "",
      restarts: context.startedAt === 0 ? 0 : context.restarts + 1,
    })),
    noteUp: assign({ upAt: ({ context }) => context.now() }),
    noteStopping: assign({ stoppingAt: ({ context }) => context.now() }),
    notePhase: assign({ phase: (_, params: { phase: string }) => params.phase }),
    noteReport: assign({ report: (_, params: { report: ChildReport }) => params.report }),
    noteExit: assign({ exit: (_, params: { exit: ChildExit }) => params.exit }),
    noteTrouble: assign({ trouble: (_, params: { trouble: string }) => params.trouble }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    endAs: assign({ end: (_, params: { end: SupervisorEnd }) => params.end }),
  },
  guards: {
    isUp: (_, params: { answer: StartAnswer }) => params.answer.type === "up",
    isMisconfigured: (_, params: { exit: ChildExit }) => params.exit.code === 2,
    hasEndedWell: (_, params: { exit: ChildExit }) => params.exit.code === 0,
    hasFailedTooOften: ({ context }) => context.failures + 1 >= context.settings.maxQuickFailures,
  },
  delays: {
    startTimeout: ({ context }) => context.settings.startTimeoutMs,
    backoff: ({ context: { settings, failures, random } }) =>
      random() * Math.min(settings.maxBackoffMs, settings.backoffMs * 2 ** Math.max(0, failures - 1)),
    settleTime: ({ context }) => context.settings.settleMs,
    stopTimeout: ({ context }) => context.settings.stopTimeoutMs,
    killTimeout: ({ context }) => context.settings.killTimeoutMs,
  },
});

/* ---- the few words that the states below are written in ---- */
type Done = { event: { output: unknown } };
type Failed = { event: { error: unknown } };
const exit = ({ event }: Done) => ({ exit: exitOf(event.output) });
const noteExit = { type: "noteExit" as const, params: exit };
const blameExit = { type: "noteTrouble" as const, params: (args: Done) => ({ trouble: said(exit(args).exit) }) };
const isUp = { type: "isUp" as const, params: ({ event }: { event: { output: StartAnswer } }) => ({ answer: event.output }) };
const isMisconfigured = { type: "isMisconfigured" as const, params: exit };
const hasEndedWell = { type: "hasEndedWell" as const, params: exit };
const broke = (what: string) => ({
  type: "noteTrouble" as const,
  params: ({ event }: Failed) => ({ trouble: `${what}: ${messageOf(event.error)}` }),
});
const trouble = (text: string) => ({ type: "noteTrouble" as const, params: { trouble: text } });
const endAs = (end: SupervisorEnd) => ({ type: "endAs" as const, params: { end } });

/** After a failure: once more, unless it has failed too often. After an exit, unless that says otherwise. */
const again = [{ guard: "hasFailedTooOften", target: "givenUp", actions: "countFailure" }, { target: "backingOff" }] as const;
const afterExit = [
  { guard: isMisconfigured, target: "givenUp", actions: [noteExit, blameExit] },
  { guard: hasEndedWell, target: "ended", actions: noteExit },
  { guard: "hasFailedTooOften", target: "givenUp", actions: [noteExit, blameExit, "countFailure"] },
  { target: "backingOff", actions: [noteExit, blameExit] },
] as const;

export const supervisorMachine = supervisor.createMachine({
  id: "supervisor",
  description:
    "One child process: started again after a failure, later each time, until it fails too often; stopped in order, or killed.",
  context: ({ input }) => ({
    settings: { ...defaultSupervisorSettings, ...input.settings },
    now: input.now ?? Date.now,
    random: input.random ?? Math.random,
    // equivalent mutant: entering starting writes it before it is read
    phase: "",
    startedAt: 0,
    upAt: 0,
    stoppingAt: 0,
    restarts: 0,
    failures: 0,
    exit: undefined,
    report: undefined,
    // equivalent mutant: entering starting writes it before it is read
    trouble: "",
    end: undefined,
  }),
  initial: "starting",
  on: {
    "child.said": { actions: { type: "notePhase", params: ({ event }) => ({ phase: event.phase }) } },
    "child.reported": { actions: { type: "noteReport", params: ({ event }) => ({ report: event.report }) } },
  },
  states: {
    starting: {
      tags: ["alive"],
      entry: "noteStart",
      on: { stop: "stopping", kill: "killing" },
      invoke: {
        src: "startChild",
        id: "startChild",
        onDone: [{ guard: isUp, target: "up" }, ...afterExit],
        onError: [
          { guard: "hasFailedTooOften", target: "givenUp", actions: [broke("could not be started"), "countFailure"] },
          { target: "backingOff", actions: broke("could not be started") },
        ],
      },
      after: { startTimeout: { target: "replacing", actions: trouble("did not say that it runs within startTimeoutMs") } },
    },
    up: {
      tags: ["alive"],
      entry: "noteUp",
      on: { stop: "stopping", kill: "killing" },
      /** for as long as the child lives: no deadline */
      invoke: {
        src: "watchChild",
        id: "watchChild",
        onDone: afterExit,
        onError: { target: "replacing", actions: broke("was lost sight of") },
      },
      after: { settleTime: { actions: "forgetFailures" } },
    },
    /** nobody knows what this child does: it goes before another is started */
    replacing: {
      tags: ["alive"],
      on: { stop: "killing", kill: "killing" },
      invoke: {
        src: "killChild",
        id: "killChild",
        onDone: again,
        onError: { target: "givenUp", actions: broke("could not be killed") },
      },
      after: { killTimeout: { target: "givenUp", actions: trouble("was killed and did not go") } },
    },
    backingOff: {
      entry: "countFailure",
      on: { stop: { target: "stopped", actions: endAs("stopped") }, kill: { target: "stopped", actions: endAs("stopped") } },
      after: { backoff: "starting" },
    },
    stopping: {
      tags: ["alive"],
      entry: "noteStopping",
      on: { kill: "killing" },
      invoke: {
        src: "stopChild",
        id: "stopChild",
        onDone: { target: "stopped", actions: [noteExit, endAs("stopped")] },
        onError: { target: "killing", actions: broke("could not be asked to stop") },
      },
      after: { stopTimeout: { target: "killing", actions: trouble("did not stop within stopTimeoutMs") } },
    },
    killing: {
      tags: ["alive"],
      invoke: {
        src: "killChild",
        id: "killChild",
        onDone: { target: "stopped", actions: [noteExit, endAs("killed")] },
        onError: { target: "stopped", actions: [broke("could not be killed"), endAs("killed")] },
      },
      after: { killTimeout: { target: "stopped", actions: [trouble("was killed and did not go"), endAs("killed")] } },
    },
    ended: { type: "final", entry: endAs("ended") },
    givenUp: { type: "final", entry: endAs("givenUp") },
    stopped: { type: "final" },
  },
  output: ({ context }) => ({
    // equivalent mutant: every end names itself; the default keeps the output total
    end: context.end ?? "stopped",
    exit: context.exit,
    report: context.report,
    trouble: context.trouble,
    restarts: context.restarts,
    stopMs: context.stoppingAt === 0 ? 0 : context.now() - context.stoppingAt,
  }),
} satisfies Parameters<typeof supervisor.createMachine>[0]);

export type SupervisorMachine = typeof supervisorMachine;
export type SupervisorSnapshot = SnapshotFrom<SupervisorMachine>;
export type SupervisorActor = ActorRefFrom<SupervisorMachine>;
