/**
 * The port of a health server: which thread holds it, how it moves when the probe thread exits, and how it is freed. Beside the open
 * port run the checks, each under a chart of its own (`check.machine.ts`), until the service stops.
 *
 *   closed -> starting -> listening (thread | main) -> ending -> parting -> gone        listening: thread -> moving -> main
 *
 * Both holders, the probe thread and the main thread, take the same commands (`listen`, `end`, `cut`) and send the same events. The
 * chart has no delays: `open` and `close` take a signal with the caller's deadline, and its abort sends `destroy`.
 *
 * The arrows that do not exist: nothing leads from `ending` back to `listening`; `parting` takes no command, since nothing is left
 * to cut; the port never moves back to a thread. A main thread that was asked to listen, in vain or not, is asked to end: it closes
 * what it has built for that.
 */
import type { ActorRefFrom, SnapshotFrom } from "xstate";
import { assign, emit, enqueueActions, sendTo, setup, spawnChild, stopChild } from "xstate";
import { declared, declaredCallback } from "./actor.ts";
import type { CheckFact, CheckJudged, CheckSettings, CheckVerdict } from "./check.machine.ts";
import { checkMachine, firstVerdict } from "./check.machine.ts";
import type { StateMeta } from "./describe.ts";
import { messageOf } from "./thrown.ts";

/** Where a port is, or is to be. */
export interface PortAddress {
  readonly host: string;
  /** 0 asks for a free one */
  readonly port: number;
}

/** What the health server reports of itself, as data. */
export type HealthFact =
  | CheckFact
  /** a scrape of /metrics lacks some or all of the service's own metrics */
  | { readonly type: "metrics.failed"; readonly reason: string }
  /** the first complete scrape after that */
  | { readonly type: "metrics.restored" }
  /** the event loop was blocked for so many ms, at least `readinessBlockMs` */
  | { readonly type: "loop.blocked"; readonly blockedMs: number }
  /** the probe thread exited by itself, or could not be started; the main thread takes the port */
  | { readonly type: "health.thread.died"; readonly reason: string }
  /** the port answers probes from now on; for `healthPort: 0` it is the port that the system chose */
  | ({ readonly type: "health.listening" } & PortAddress)
  /** the main thread listens where the probe thread did */
  | ({ readonly type: "health.port.moved" } & PortAddress)
  /** the listener has failed, or the port could not be moved */
  | { readonly type: "health.server.failed"; readonly reason: string }
  /** a route threw; its answer was a 500 */
  | { readonly type: "health.request.failed"; readonly url: string; readonly reason: string };

/** What the health server asks of its port. `destroy` is the end by force; `error` is what an `open` under way rejects with. */
export type HealthPortCommand = { type: "prepare" } | { type: "open" } | { type: "close" } | { type: "destroy"; error: unknown };

/** What the chart asks of the holder of the port, whichever thread that is. */
export type HolderCommand = ({ type: "listen" } & PortAddress) | { type: "end" } | { type: "cut" };

/** What a holder reports. `port.ended`: it accepts nothing more and all its connections have ended. */
export type HolderEvent =
  | { type: "port.listening"; address: PortAddress }
  | { type: "port.refused"; error: unknown }
  | { type: "port.ended" }
  | { type: "thread.exited"; reason: string };

/** The types of events that are facts as they stand. */
type ReportedType = "loop.blocked" | "health.server.failed" | "health.request.failed" | "metrics.failed" | "metrics.restored";

/** What is seen while the port is open. `service.stopping`: the service undoes what it began, so its checks mean nothing any more. */
export type HealthObservation = CheckJudged | { type: "service.stopping" } | Extract<HealthFact, { type: ReportedType }>;

/** Every event that the chart takes. */
export type HealthPortEvent = HealthPortCommand | HolderEvent | HealthObservation;

/** What the chart of a health port is created with. */
export interface HealthPortInput {
  /** where to listen */
  readonly wanted: PortAddress;
  /** whether a probe thread is to hold the port */
  readonly hasThread: boolean;
  /** what is checked while the port is open */
  readonly checks: readonly CheckSettings[];
}

/** What the chart knows of its port and of its checks. */
export interface HealthPortContext extends HealthPortInput {
  /** where it listened last; undefined before the first time */
  readonly address: PortAddress | undefined;
  /** `close` came before the port was open */
  readonly closing: boolean;
  /** why the port could not be opened: the first reason, as it was thrown */
  readonly failure: { readonly error: unknown } | undefined;
  /** what each check has found, in their order; after the last check, what it was */
  readonly verdicts: readonly CheckVerdict[];
}

/** `bound`: the port is held; `ending`: answers end their connection; `free`: the port is free, for good. */
export type HealthPortTag = "bound" | "ending" | "free";

const checkId = ({ check, kind }: CheckSettings): string => `check.${kind}.${check}`;
const isOf = (check: CheckVerdict, { verdict }: CheckJudged): boolean =>
  check.check === verdict.check && check.kind === verdict.kind;

const healthPort = setup({
  types: {} as {
    context: HealthPortContext;
    events: HealthPortEvent;
    input: HealthPortInput;
    emitted: HealthFact;
    meta: StateMeta<HealthPortContext>;
    tags: HealthPortTag;
  },
  actors: {
    probeThread: declaredCallback<HolderCommand>("probeThread"),
    mainPort: declaredCallback<HolderCommand>("mainPort"),
    loadApp: declared("loadApp"),
    noticeBoard: declaredCallback("noticeBoard"),
    loopWatch: declaredCallback("loopWatch"),
    check: checkMachine,
  },
  actions: {
    startThread: spawnChild("probeThread", { id: "probeThread" }),
    listenOnThread: sendTo("probeThread", ({ context }) => ({ type: "listen", ...context.wanted })),
    endThread: sendTo("probeThread", { type: "end" }),
    killThread: sendTo("probeThread", { type: "cut" }),
    releaseThread: stopChild("probeThread"),
    startMain: spawnChild("mainPort", { id: "mainPort" }),
    listenOnMain: sendTo("mainPort", ({ context }) => ({ type: "listen", ...(context.address ?? context.wanted) })),
    endMain: sendTo("mainPort", { type: "end" }),
    cutMain: sendTo("mainPort", { type: "cut" }),
    releaseMain: stopChild("mainPort"),
    noteAddress: assign({ address: (_, params: { address: PortAddress }) => params.address }),
    noteClosing: assign({ closing: true }),
    /** the first failure stays */
    noteFailure: assign({ failure: ({ context }, params: { error: unknown }) => context.failure ?? { error: params.error } }),
    spawnChecks: enqueueActions(({ context, enqueue, self }) => {
      for (const check of context.checks) enqueue.spawnChild("check", { id: checkId(check), input: { ...check, parent: self } });
    }),
    stopChecks: enqueueActions(({ context, enqueue }) => {
      for (const check of context.checks) enqueue.stopChild(checkId(check));
    }),
    noteVerdict: enqueueActions(({ context, enqueue }, judged: CheckJudged) => {
      enqueue.assign({ verdicts: context.verdicts.map((known) => (isOf(known, judged) ? judged.verdict : known)) });
      if (judged.fact !== undefined) enqueue.emit(judged.fact);
    }),
    emitDied: emit((_, params: { reason: string }) => ({ type: "health.thread.died" as const, ...params })),
    emitListening: emit((_, { address }: { address: PortAddress }) => ({ type: "health.listening" as const, ...address })),
    emitMoved: emit((_, { address }: { address: PortAddress }) => ({ type: "health.port.moved" as const, ...address })),
    emitFailed: emit((_, params: { reason: string }) => ({ type: "health.server.failed" as const, ...params })),
    /** an event that is a fact as it stands */
    report: emit((_, params: { fact: HealthFact }) => params.fact),
  },
  guards: {
    hasThread: ({ context }) => context.hasThread,
    isClosing: ({ context }) => context.closing,
  },
});

/* ---- the few words that the states below are written in ---- */
type Event<Type> = { event: Extract<HealthPortEvent, { type: Type }> };
const addressOf = ({ event }: Event<"port.listening">) => ({ address: event.address });
const noteAddress = { type: "noteAddress" as const, params: addressOf };
const emitListening = { type: "emitListening" as const, params: addressOf };
const emitMoved = { type: "emitMoved" as const, params: addressOf };
const noteFailure = {
  type: "noteFailure" as const,
  params: ({ event }: Event<"destroy" | "port.refused">) => ({ error: event.error }),
};
const emitFailed = {
  type: "emitFailed" as const,
  params: ({ event }: Event<"port.refused">) => ({ reason: messageOf(event.error) }),
};
const emitDied = { type: "emitDied" as const, params: ({ event }: Event<"thread.exited">) => ({ reason: event.reason }) };
const noteVerdict = { type: "noteVerdict" as const, params: ({ event }: Event<"check.judged">) => event };
const report = {
  actions: {
    type: "report" as const,
    params: ({ event }: Event<ReportedType>) => ({ fact: event }),
  },
};
const forceThread = { target: "#health-port.ending.killed", actions: ["killThread", noteFailure] } as const;
const endMain = { target: "#health-port.ending.main", actions: "endMain" } as const;
const forceMain = { target: "#health-port.ending.main", actions: ["endMain", "cutMain", noteFailure] } as const;

/** The chart of a health port. A host provides the threads, the checks and the HTTP application; the chart has no timers of its own. */
export const healthPortMachine = healthPort.createMachine({
  id: "health-port",
  description:
    "The port that answers probes: held by the probe thread, or by the main thread where that is gone; the checks run beside it.",
  context: ({ input }) => ({
    ...input,
    address: undefined,
    closing: false,
    failure: undefined,
    verdicts: input.checks.map(firstVerdict),
  }),
  initial: "closed",
  on: {
    "loop.blocked": report,
    "health.server.failed": report,
    "health.request.failed": report,
    "metrics.failed": report,
    "metrics.restored": report,
  },
  states: {
    closed: {
      description: "Nothing listens, and nothing was asked to.",
      meta: { waitsFor: "open" },
      initial: "idle",
      on: { open: "starting" },
      states: {
        idle: {
          description: "Nothing was begun.",
          entry: "releaseThread",
          on: {
            prepare: [{ guard: "hasThread", target: "prepared", actions: "startThread" }, { target: "loading" }],
            // equivalent mutant (""): without the guard a thread is released in the step that spawns it, before it starts
            open: { guard: "hasThread", target: "#health-port.starting", actions: "startThread" },
            close: "#health-port.gone",
            destroy: { target: "#health-port.gone", actions: noteFailure },
          },
        },
        prepared: {
          description: "The probe thread starts beside the boot, or has started and waits.",
          on: {
            close: { target: "#health-port.ending.killed", actions: "killThread" },
            destroy: forceThread,
            "thread.exited": "idle",
          },
        },
        loading: {
          description: "Fastify is loaded beside the boot.",
          invoke: { src: "loadApp", id: "loadApp" },
          on: {
            close: "#health-port.gone",
            destroy: { target: "#health-port.gone", actions: noteFailure },
          },
        },
      },
    },
    starting: {
      description: "A thread was asked to listen.",
      initial: "choosing",
      states: {
        choosing: {
          description: "The probe thread is to listen if there is one.",
          always: [{ guard: "hasThread", target: "thread" }, { target: "main" }],
        },
        thread: {
          description: "The probe thread was asked to listen.",
          meta: { waitsFor: "the probe thread to listen" },
          entry: "listenOnThread",
          on: {
            "port.listening": { target: "#health-port.listening.port.thread", actions: [noteAddress, emitListening] },
            "port.refused": forceThread,
            "thread.exited": { target: "main", actions: emitDied },
            close: { actions: "noteClosing" },
            destroy: forceThread,
          },
        },
        main: {
          description: "The main thread was asked to listen.",
          meta: { waitsFor: "the main thread to listen" },
          entry: ["releaseThread", "startMain", "listenOnMain"],
          on: {
            "port.listening": { target: "#health-port.listening.port.main", actions: [noteAddress, emitListening] },
            "port.refused": { target: "#health-port.ending.main", actions: ["endMain", noteFailure] },
            close: { actions: "noteClosing" },
            destroy: forceMain,
          },
        },
      },
    },
    listening: {
      description: "Probes are answered.",
      meta: { tone: "good" },
      type: "parallel",
      invoke: [
        { src: "noticeBoard", id: "noticeBoard" },
        { src: "loopWatch", id: "loopWatch" },
      ],
      states: {
        port: {
          initial: "thread",
          states: {
            thread: {
              description: "The probe thread holds the port.",
              tags: ["bound"],
              always: { guard: "isClosing", target: "#health-port.ending.thread", actions: "endThread" },
              on: {
                close: { target: "#health-port.ending.thread", actions: "endThread" },
                destroy: forceThread,
                "thread.exited": { target: "moving", actions: emitDied },
              },
            },
            moving: {
              description: "The probe thread has exited; the main thread was asked to listen where it did.",
              meta: { waitsFor: "the main thread to listen" },
              entry: ["releaseThread", "startMain", "listenOnMain"],
              on: {
                "port.listening": { target: "main", actions: [noteAddress, emitMoved] },
                "port.refused": { target: "lost", actions: emitFailed },
                close: { actions: "noteClosing" },
                destroy: forceMain,
              },
            },
            main: {
              description: "The main thread holds the port.",
              tags: ["bound"],
              always: { guard: "isClosing", ...endMain },
              on: { close: endMain, destroy: forceMain },
            },
            lost: {
              description: "The port could not be moved; probes are refused.",
              always: { guard: "isClosing", ...endMain },
              on: { close: endMain, destroy: forceMain },
            },
          },
        },
        checks: {
          initial: "due",
          states: {
            due: {
              description: "Each check runs on a schedule of its own.",
              entry: "spawnChecks",
              exit: "stopChecks",
              on: { "check.judged": { actions: noteVerdict }, "service.stopping": "over" },
            },
            over: { description: "The service stops, so its checks have no meaning any more." },
          },
        },
      },
    },
    ending: {
      description: "No new connection is accepted; requests under way are answered.",
      tags: ["ending"],
      initial: "thread",
      states: {
        thread: {
          description: "The probe thread answers what is under way.",
          meta: { waitsFor: "the last answers of the probe thread" },
          on: {
            "port.ended": { target: "#health-port.parting", actions: "killThread" },
            "thread.exited": { target: "#health-port.gone", actions: emitDied },
            destroy: forceThread,
          },
        },
        killed: {
          description: "The probe thread was terminated; its connections are cut with it.",
          meta: { waitsFor: "the probe thread to exit" },
          on: { "thread.exited": "#health-port.gone" },
        },
        main: {
          description: "The main thread answers what is under way, or cuts it, and closes the Fastify app.",
          meta: { waitsFor: "the last answers of the main thread" },
          on: {
            "port.ended": "#health-port.gone",
            destroy: { actions: ["cutMain", noteFailure] },
          },
        },
      },
    },
    parting: {
      description: "The port is free; the probe thread was terminated.",
      tags: ["ending", "free"],
      meta: { waitsFor: "the probe thread to exit" },
      on: { "thread.exited": "gone" },
    },
    gone: { type: "final", tags: ["free"], description: "Nothing is left.", entry: ["releaseThread", "releaseMain"] },
  },
} satisfies Parameters<typeof healthPort.createMachine>[0]);

/** The type of the health port's chart. */
export type HealthPortMachine = typeof healthPortMachine;
/** Where a health port is: `value`, `context` and tags. */
export type HealthPortSnapshot = SnapshotFrom<HealthPortMachine>;
/** A running health port. */
export type HealthPortActor = ActorRefFrom<HealthPortMachine>;
