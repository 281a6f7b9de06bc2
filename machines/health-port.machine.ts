/**
 * The port of a health server: which thread holds it, how it moves when the probe thread exits, and how it is freed. While the port
 * is open, the reachability of Redis is a region beside it.
 *
 *   closed -> starting -> listening (thread | main) -> ending -> parting -> gone        listening: thread -> moving -> main
 *
 * Both holders, the probe thread and the main thread, take the same commands (`listen`, `end`, `cut`) and send the same events. The
 * chart has no delays: `open` and `close` take a signal with the caller's deadline, and its abort sends `destroy`.
 *
 * The arrows that do not exist: nothing leads from `ending` back to `listening`; `parting` takes no command, since nothing is left
 * to cut; the port never moves back to a thread.
 */
import type { ActorRefFrom, SnapshotFrom } from "xstate";
import { assign, emit, sendTo, setup, spawnChild, stopChild } from "xstate";
import { declared, declaredCallback } from "./actor.ts";
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
  /** Redis has missed `failures` checks in a row, as many as make readiness fall; `reason` is the latest one's */
  | { readonly type: "redis.unreachable"; readonly failures: number; readonly reason: string }
  /** the first check that Redis answered, after it had missed `missed` */
  | { readonly type: "redis.restored"; readonly missed: number }
  /** the event loop was blocked for so many ms, at least `readinessBlockMs` */
  | { readonly type: "loop.blocked"; readonly blockedMs: number }
  /** the probe thread exited by itself, or could not be started; the main thread takes the port */
  | { readonly type: "health.thread.died"; readonly reason: string }
  /** probes are answered there from now on; the port is the one that the system chose where 0 was asked for */
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

/** What is seen while the port is open. `redis.answered` is sent only after a miss. */
export type HealthObservation =
  | { type: "redis.missed"; reason: string }
  | { type: "redis.answered" }
  | Extract<HealthFact, { type: "loop.blocked" | "health.server.failed" | "health.request.failed" }>;

/** Every event that the chart takes. */
export type HealthPortEvent = HealthPortCommand | HolderEvent | HealthObservation;

/** What the chart of a health port is created with. */
export interface HealthPortInput {
  /** where to listen */
  readonly wanted: PortAddress;
  /** whether a probe thread is to hold the port */
  readonly hasThread: boolean;
  /** whether readiness depends on Redis */
  readonly checksRedis: boolean;
}

/** What the chart knows of its port and of Redis. */
export interface HealthPortContext extends HealthPortInput {
  /** where it listened last; undefined before the first time */
  readonly address: PortAddress | undefined;
  /** `close` came before the port was open */
  readonly closing: boolean;
  /** why the port could not be opened: the first reason, as it was thrown */
  readonly failure: { readonly error: unknown } | undefined;
  /** checks in a row that Redis did not answer, and why the latest was not */
  readonly missed: number;
  readonly trouble: string;
}

/** `bound`: the port is held; `ending`: answers end their connection; `free`: the port is free, for good. */
export type HealthPortTag = "bound" | "ending" | "free";

/** Checks in a row that Redis has to miss before readiness falls. */
const missesToFall = 3;

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
    closeApp: declared("closeApp"),
    noticeBoard: declaredCallback("noticeBoard"),
    loopWatch: declaredCallback("loopWatch"),
    redisCheck: declaredCallback("redisCheck"),
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
    countMissed: assign(({ context }, params: { reason: string }) => ({ missed: context.missed + 1, trouble: params.reason })),
    forgetMissed: assign({ missed: 0, trouble: "" }),
    emitUnreachable: emit(({ context: { missed, trouble } }) => ({
      type: "redis.unreachable" as const,
      failures: missed,
      reason: trouble,
    })),
    emitRestored: emit(({ context }) => ({ type: "redis.restored" as const, missed: context.missed })),
    emitDied: emit((_, params: { reason: string }) => ({ type: "health.thread.died" as const, ...params })),
    emitListening: emit((_, { address }: { address: PortAddress }) => ({ type: "health.listening" as const, ...address })),
    emitMoved: emit((_, { address }: { address: PortAddress }) => ({ type: "health.port.moved" as const, ...address })),
    emitFailed: emit((_, params: { reason: string }) => ({ type: "health.server.failed" as const, ...params })),
    /** an event that is a fact as it stands */
    report: emit((_, params: { fact: HealthFact }) => params.fact),
  },
  guards: {
    hasThread: ({ context }) => context.hasThread,
    checksRedis: ({ context }) => context.checksRedis,
    isClosing: ({ context }) => context.closing,
    hasMissedTooOften: ({ context }) => context.missed + 1 >= missesToFall,
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
const countMissed = { type: "countMissed" as const, params: ({ event }: Event<"redis.missed">) => ({ reason: event.reason }) };
const report = {
  actions: {
    type: "report" as const,
    params: ({ event }: Event<"loop.blocked" | "health.server.failed" | "health.request.failed">) => ({ fact: event }),
  },
};
/** The thread is no more, or never was; the app still closes. */
const withoutThread = ["#health-port.parting.app.closing", "#health-port.parting.thread.exited"] as const;
const forceThread = { target: "#health-port.ending.killed", actions: ["killThread", noteFailure] } as const;
const forceMain = { target: "#health-port.ending.main", actions: ["endMain", "cutMain", noteFailure] } as const;

/** The chart of a health port. A host provides the threads, the checks and the HTTP application; the chart has no timers of its own. */
export const healthPortMachine = healthPort.createMachine({
  id: "health-port",
  description:
    "The port that answers probes: held by the probe thread, or by the main thread where that is gone; Redis is checked beside it.",
  context: ({ input }) => ({ ...input, address: undefined, closing: false, failure: undefined, missed: 0, trouble: "" }),
  initial: "closed",
  on: { "loop.blocked": report, "health.server.failed": report, "health.request.failed": report },
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
            close: { target: withoutThread },
            destroy: { target: withoutThread, actions: noteFailure },
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
            "port.refused": { target: withoutThread, actions: noteFailure },
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
              always: { guard: "isClosing", target: "#health-port.ending.main", actions: "endMain" },
              on: {
                close: { target: "#health-port.ending.main", actions: "endMain" },
                destroy: forceMain,
              },
            },
            lost: {
              description: "The port could not be moved; probes are refused.",
              always: { guard: "isClosing", target: withoutThread },
              on: { close: { target: withoutThread }, destroy: { target: withoutThread } },
            },
          },
        },
        redis: {
          description: "Redis is checked on a schedule of its own, if readiness depends on it.",
          invoke: { src: "redisCheck", id: "redisCheck" },
          initial: "unchecked",
          states: {
            unchecked: {
              description: "Readiness does not depend on Redis.",
              always: { guard: "checksRedis", target: "reachable" },
            },
            reachable: {
              description: "Redis answers.",
              on: { "redis.missed": { target: "doubted", actions: countMissed } },
            },
            doubted: {
              description: "Redis has missed a check, and not enough of them to make readiness fall.",
              on: {
                "redis.missed": [
                  { guard: "hasMissedTooOften", target: "unreachable", actions: [countMissed, "emitUnreachable"] },
                  { actions: countMissed },
                ],
                "redis.answered": { target: "reachable", actions: "forgetMissed" },
              },
            },
            unreachable: {
              description: "Redis has missed three checks in a row: the service is not ready.",
              on: {
                "redis.missed": { actions: countMissed },
                "redis.answered": { target: "reachable", actions: ["emitRestored", "forgetMissed"] },
              },
            },
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
            "thread.exited": { target: withoutThread, actions: emitDied },
            destroy: forceThread,
          },
        },
        killed: {
          description: "The probe thread was terminated; its connections are cut with it.",
          meta: { waitsFor: "the probe thread to exit" },
          on: { "thread.exited": { target: withoutThread } },
        },
        main: {
          description: "The main thread answers what is under way, or cuts it.",
          meta: { waitsFor: "the last answers of the main thread" },
          on: {
            "port.ended": { target: withoutThread },
            destroy: { actions: ["cutMain", noteFailure] },
          },
        },
      },
    },
    parting: {
      description: "The port is free; the app closes, and the probe thread exits.",
      type: "parallel",
      tags: ["ending"],
      entry: "releaseMain",
      onDone: "gone",
      states: {
        app: {
          initial: "closing",
          states: {
            closing: {
              description: "The Fastify app closes.",
              meta: { waitsFor: "the Fastify app to close" },
              invoke: { src: "closeApp", id: "closeApp", onDone: "closed", onError: "closed" },
            },
            closed: { type: "final", tags: ["free"], description: "Nothing of the Fastify app is left." },
          },
        },
        thread: {
          initial: "exiting",
          states: {
            exiting: {
              description: "The probe thread was terminated.",
              meta: { waitsFor: "the probe thread to exit" },
              on: { "thread.exited": "exited" },
            },
            exited: { type: "final", description: "No thread is left.", entry: "releaseThread" },
          },
        },
      },
    },
    gone: { type: "final", tags: ["free"], description: "Nothing is left." },
  },
} satisfies Parameters<typeof healthPort.createMachine>[0]);

/** What the checks so far have found. `reason` is why the latest check failed, also while readiness has not fallen yet. */
export interface RedisVerdict {
  readonly reachable: boolean;
  /** failures in a row */
  readonly failures: number;
  readonly reason: string;
}

/** Whether Redis answers; undefined where readiness does not depend on it. Redis counts as reachable before the first check. */
export const redisVerdict = ({ context }: HealthPortSnapshot): RedisVerdict | undefined =>
  context.checksRedis
    ? { reachable: context.missed < missesToFall, failures: context.missed, reason: context.trouble }
    : undefined;

/** The type of the health port's chart. */
export type HealthPortMachine = typeof healthPortMachine;
/** Where a health port is: `value`, `context` and tags. */
export type HealthPortSnapshot = SnapshotFrom<HealthPortMachine>;
/** A running health port. */
export type HealthPortActor = ActorRefFrom<HealthPortMachine>;
