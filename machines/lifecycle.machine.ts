/**
 * The life of one service. Nine top-level states, one way into `stopping`, no way back.
 *
 *   init -> jitter -> pinging -> starting -> registering -> healthy -> running -> stopping -> stopped
 *
 * Every run enters them in this order, observably: work that is not wanted (no Redis, no health server) is passed through by a
 * delay of 0 and marked `skipped`. `lease` is a child machine that lives from `registering` to `stopping.deregistering`; it
 * spans states, so actions spawn and stop it. What belongs to one state is invoked by it.
 *
 * The arrows that do not exist: nothing leaves `stopping` but its own last step; nothing but `init` takes `boot`; nothing but
 * an open `healthy` takes `run`.
 */
import type { ActorRefFrom, SnapshotFrom } from "xstate";
import { assign, emit, enqueueActions, setup, spawnChild, stopChild } from "xstate";
import { declared } from "./actor.ts";
import type { Companion, CompanionOutput } from "./companion.ts";
import { companionId, endedCompanion } from "./companion.ts";
import type { StateMeta } from "./describe.ts";
import type { LeadershipFact } from "./leadership.machine.ts";
import type { LeaseEvent, LeaseFact, Twin } from "./lease.machine.ts";
import { leaseMachine } from "./lease.machine.ts";
import type { ChartPhase, EndedPhase, Failure, LeaseStatus, PhaseOutcome, PhaseRecord, StopStep } from "./phases.ts";
import { beginTierPhase, currentPhase, endAllPhases, endPhase, enterPhase, markPhase, tierPhaseUnderWay } from "./phases.ts";
import type { LifecycleSettings } from "./settings.ts";
import { defaultSettings, maxPingBackoffMs, withinBudget } from "./settings.ts";
import { messageOf, ownCodeOf } from "./thrown.ts";

export interface LifecycleInput {
  readonly settings?: Partial<LifecycleSettings>;
  /** ms since the epoch; XState's clock has timers but no time */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** What was really begun, and so has to be undone. `health`: opening began; `open`: probes may have seen it. */
export interface Begun {
  readonly tier: boolean;
  readonly lease: boolean;
  readonly health: boolean;
  readonly open: boolean;
  readonly releases: boolean;
}

export interface Cause {
  readonly outcome: "completed" | "shutdown" | "failed";
  readonly reason: string;
}

export interface LifecycleContext {
  readonly settings: LifecycleSettings;
  readonly now: () => number;
  readonly random: () => number;
  readonly begun: Begun;
  readonly attempt: number;
  /** why the last ping attempt did not pass */
  readonly refusal: { readonly code: string; readonly message: string; readonly cause?: unknown };
  /** Redis is optional and was absent at boot, and has not answered since */
  readonly degraded: boolean;
  /** why it stops: the first cause, never replaced */
  readonly cause: Cause | undefined;
  readonly failures: readonly Failure[];
  readonly phases: readonly PhaseRecord[];
  /** when `stopping`, and when its unwinding, was entered */
  readonly stoppingAt: number;
  readonly unwindingAt: number;
}

/** What a caller may ask for. */
export type LifecycleCommand = { type: "boot" } | { type: "run" } | Shutdown;

type Shutdown = { type: "shutdown"; reason: string; error?: unknown };

/** What the host tells of a tier's hooks, in any state. */
export type HookFact =
  | { type: "hook.failed"; failure: Failure }
  | { type: "phase.began"; phase: string }
  | { type: "phase.ended"; phase: string; outcome: PhaseOutcome }
  | { type: "release.owed" };

/** A hook hands over a chart that lives beside it. `count` is its number among those of the service. */
export interface CompanionSpawn {
  readonly type: "companion.spawn";
  readonly companion: Companion;
  readonly count: number;
}

type CompanionEnd =
  | { type: `xstate.done.actor.companion.${string}`; output: CompanionOutput }
  | { type: `xstate.error.actor.companion.${string}`; error: unknown };

export type LifecycleEvent =
  | LifecycleCommand
  | HookFact
  | CompanionSpawn
  | CompanionEnd
  | LeadershipFact
  | LeaseFact
  | { type: "xstate.error.actor.lease"; error: unknown };
/** What the releases may take together, in ms. */
export interface ReleaseWork {
  readonly withinMs: number;
}

/** `booting`: on the way to `ready`. `ready`: traffic may come. `stopping`: everything begun is being undone. */
export type LifecycleTag = "booting" | "ready" | "stopping";

export interface LifecycleOutput {
  readonly outcome: Cause["outcome"];
  readonly reason: string;
  readonly exitCode: 0 | 1;
  readonly error?: Failure;
  readonly failures: readonly Failure[];
  readonly phases: readonly EndedPhase[];
}

const toLease = (event: LeaseEvent) => event;
const budgetLeft = ({ settings, stoppingAt, now }: LifecycleContext): number => stoppingAt + settings.shutdownTimeoutMs - now();
/** `onStop` and the releases share one deadline; a quarter of it is kept for the releases */
const releaseShareMs = (stopTimeoutMs: number): number => stopTimeoutMs / 4;
const releaseTimeoutMs = (context: LifecycleContext): number => {
  const { stopTimeoutMs } = context.settings;
  const shared = context.unwindingAt + stopTimeoutMs - context.now();
  return withinBudget(Math.max(shared, releaseShareMs(stopTimeoutMs)), budgetLeft(context), 1);
};

const lifecycle = setup({
  types: {} as {
    context: LifecycleContext;
    events: LifecycleEvent;
    input: LifecycleInput;
    output: LifecycleOutput;
    tags: LifecycleTag;
    meta: StateMeta<LifecycleContext>;
    emitted: LeaseFact | LeadershipFact | { type: "lease.broken"; reason: string };
    children: { lease: "lease" };
  },
  actors: {
    pingRedis: declared("pingRedis"),
    startTier: declared("startTier"),
    openHealth: declared("openHealth"),
    runTier: declared("runTier"),
    closeHealth: declared("closeHealth"),
    drainTier: declared("drainTier"),
    stopTier: declared("stopTier"),
    releaseTier: declared<void, ReleaseWork>("releaseTier"),
    closeRedis: declared("closeRedis"),
    lease: leaseMachine,
    /** stands for the chart that `companion.spawn` carries where a recording has left that out */
    companion: declared("companion"),
  },
  actions: {
    enter: assign({
      phases: ({ context }, params: { phase: ChartPhase }) => enterPhase(context.phases, params.phase, context.now()),
    }),
    mark: assign({ phases: ({ context }, params: { outcome: PhaseOutcome }) => markPhase(context.phases, params.outcome) }),
    begin: assign({ begun: ({ context }, params: { what: keyof Begun }) => ({ ...context.begun, [params.what]: true }) }),
    beginHealth: assign({ begun: ({ context }) => ({ ...context.begun, health: context.settings.hasHealth }) }),
    fail: assign(({ context }, params: Failure & { outcome: PhaseOutcome }) => {
      const { outcome, ...failure } = params;
      return { failures: [...context.failures, failure], phases: markPhase(context.phases, outcome) };
    }),
    failPing: assign(({ context }) => ({
      failures: [...context.failures, { phase: "pinging", ...context.refusal }],
      phases: markPhase(context.phases, "failed"),
    })),
    failSuperseded: assign(({ context }, { twin }: { twin: Twin }) => {
      const message = `a newer boot has taken this instance id: pid ${twin.pid} on ${twin.host}. Give each instance an id of its own.`;
      return {
        cause: { outcome: "failed" as const, reason: "superseded" },
        failures: [...context.failures, { phase: currentPhase(context.phases), code: "SG_ERR_SUPERSEDED", message }],
      };
    }),
    endAs: assign({ cause: (_, params: Cause) => params }),
    noteShutdown: assign(({ context }, { reason, error }: Shutdown) => {
      if (error === undefined) return { cause: { outcome: "shutdown" as const, reason } };
      const code = ownCodeOf(error) ?? "SG_ERR_FAILED";
      const failure = { phase: currentPhase(context.phases), code, message: messageOf(error), cause: error };
      return { cause: { outcome: "failed" as const, reason }, failures: [...context.failures, failure] };
    }),
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    noteRefusal: assign({
      refusal: ({ context }, params: { error: unknown }) => {
        const { redisLabel, pingAttempts } = context.settings;
        const message = `Redis at ${redisLabel} did not pass the ping gate, ${pingAttempts} attempts: ${messageOf(params.error)}. Is it running? Set REDIS_URL or the option redis.`;
        return { code: ownCodeOf(params.error) ?? "SG_ERR_REDIS_UNREACHABLE", message, cause: params.error };
      },
    }),
    degrade: assign({ degraded: true }),
    clearDegraded: assign({ degraded: false }),
    beginStopping: assign({ stoppingAt: ({ context }) => context.now() }),
    beginUnwinding: assign({ unwindingAt: ({ context }) => context.now() }),
    noteHookFailure: assign(({ context }, { failure }: { failure: Failure }) => ({
      failures: [...context.failures, failure],
      phases: failure.phase === currentPhase(context.phases) ? markPhase(context.phases, "failed") : context.phases,
    })),
    beginTierPhase: assign({
      phases: ({ context }, params: { phase: string }) => beginTierPhase(context.phases, params.phase, context.now()),
    }),
    endTierPhase: assign({
      phases: ({ context }, params: { phase: string; outcome: PhaseOutcome }) =>
        endPhase(context.phases, params.phase, context.now(), params.outcome),
    }),
    endPhases: assign({ phases: ({ context }) => endAllPhases(context.phases, context.now()) }),
    // the lease: sending to a child that is not there would kill the machine, hence the checks
    beginLease: spawnChild("lease", {
      id: "lease",
      input: ({ context, self }) => ({
        parent: self,
        status: "starting" as const,
        times: context.settings,
        now: context.now,
        random: context.random,
      }),
    }),
    tellLease: enqueueActions(({ context, enqueue }, params: { status: LeaseStatus }) => {
      if (context.begun.lease) enqueue.sendTo("lease", toLease({ type: "status", status: params.status }));
    }),
    releaseLease: enqueueActions(({ context, enqueue }) => {
      if (context.begun.lease) enqueue.sendTo("lease", toLease({ type: "release" }));
    }),
    endLease: stopChild("lease"),
    forgetLease: assign({ begun: ({ context }) => ({ ...context.begun, lease: false }) }),
    spawnCompanion: enqueueActions(({ enqueue, self }, { companion, count }: CompanionSpawn) => {
      const { name, logic, input } = companion;
      const id = companionId(name, count);
      enqueue.spawnChild(((logic as unknown) ?? "companion") as "companion", { id, input: { ...input, parent: self } });
    }),
    endCompanion: stopChild(({ event }) => endedCompanion(event)),
    report: emit(({ event }) => event as LeaseFact | LeadershipFact),
    reportBroken: emit(({ event }) => ({
      type: "lease.broken" as const,
      reason: messageOf((event as { error?: unknown }).error),
    })),
  },
  guards: {
    hasRedis: ({ context }) => context.settings.hasRedis,
    hasNoRedis: ({ context }) => !context.settings.hasRedis,
    hasNoHealth: ({ context }) => !context.settings.hasHealth,
    hasAttemptsLeft: ({ context }) => context.attempt < context.settings.pingAttempts,
    isRedisOptional: ({ context }) => !context.settings.redisRequired,
    ownsNoHealth: ({ context }) => !context.begun.health,
    ownsNoLease: ({ context }) => !context.begun.lease,
    ownsNoTier: ({ context }) => !context.begun.tier,
    ownsNoReleases: ({ context }) => !context.begun.releases,
  },
  delays: {
    bootJitter: ({ context }) => context.random() * context.settings.jitterMaxMs,
    pingTimeout: ({ context }) => context.settings.pingTimeoutMs,
    pingBackoff: ({ context }) => context.random() * Math.min(maxPingBackoffMs, 100 * 2 ** context.attempt),
    startTimeout: ({ context }) => context.settings.startTimeoutMs,
    registerTimeout: ({ context }) => (context.settings.hasRedis ? context.settings.registerTimeoutMs : 0),
    healthTimeout: ({ context }) => context.settings.healthTimeoutMs,
    drainDelay: ({ context }) => withinBudget(context.begun.open ? context.settings.drainDelayMs : 0, budgetLeft(context), 6),
    closeTimeout: ({ context }) => withinBudget(context.settings.healthTimeoutMs, budgetLeft(context), 5),
    deregisterTimeout: ({ context }) => withinBudget(context.settings.registerTimeoutMs, budgetLeft(context), 4),
    drainTimeout: ({ context }) => withinBudget(context.settings.drainTimeoutMs, budgetLeft(context), 3),
    stopTimeout: ({ context }) => {
      const { stopTimeoutMs } = context.settings;
      return withinBudget(stopTimeoutMs - (context.begun.releases ? releaseShareMs(stopTimeoutMs) : 0), budgetLeft(context), 2);
    },
    releaseTimeout: ({ context }) => releaseTimeoutMs(context),
    disconnectTimeout: ({ context }) => withinBudget(1000, budgetLeft(context), 0),
  },
});

/* ---- the few words that the states below are written in ---- */
type Failed = { event: { error: unknown } };
const enter = (phase: ChartPhase) => ({ type: "enter" as const, params: { phase } });
const begin = (what: keyof Begun) => ({ type: "begin" as const, params: { what } });
const mark = (outcome: PhaseOutcome) => ({ type: "mark" as const, params: { outcome } });
const tell = (status: LeaseStatus) => ({ type: "tellLease" as const, params: { status } });
const endAs = (outcome: Cause["outcome"], reason: string) => ({ type: "endAs" as const, params: { outcome, reason } });
const refused = { type: "noteRefusal" as const, params: ({ event }: Failed) => ({ error: event.error }) };
const silent = { type: "noteRefusal" as const, params: { error: "no answer to PING within its deadline" } };
/** a failure of a hook is its hook's, whatever code the tier's own error carries */
const broke = (phase: ChartPhase, code: string, what: string) => ({
  type: "fail" as const,
  params: ({ event }: Failed) => ({
    phase,
    code: what === "" ? (ownCodeOf(event.error) ?? code) : code,
    message: `${what}${messageOf(event.error)}`,
    cause: event.error,
    outcome: "failed" as const,
  }),
});
const overran = (phase: ChartPhase, code: string, message: string) => ({
  type: "fail" as const,
  params: { phase, code, message, outcome: "timeout" as const },
});

/** The six arrows into `stopping` that are the same wherever they start: written once. A boot that is cut is marked so. */
const noteShutdown = { type: "noteShutdown" as const, params: ({ event }: { event: Shutdown }) => event };
const failSuperseded = { type: "failSuperseded" as const, params: ({ event }: { event: { twin: Twin } }) => event };
const shutdown = { target: "#lifecycle.stopping", actions: noteShutdown } as const;
const cutBoot = { target: "#lifecycle.stopping", actions: [noteShutdown, mark("aborted")] } as const;
const superseded = { target: "#lifecycle.stopping", actions: ["report", "forgetLease", failSuperseded] } as const;

/** One step of stopping: skipped if its boot step was never begun; done, error and deadline all lead on. */
type Deadline = "closeTimeout" | "drainTimeout" | "stopTimeout";
const step = <P extends StopStep, G extends string, A extends string, D extends Deadline, E, T>(
  phase: P,
  skip: G,
  src: A,
  deadline: D,
  next: StopStep,
  { onError, onTimeout, ...words }: { description: string; waitsFor: string; onError: E; onTimeout: T },
) =>
  ({
    description: words.description,
    meta: { waitsFor: words.waitsFor, deadline },
    entry: enter(`stopping.${phase}`),
    always: { guard: skip, target: next, actions: mark("skipped") },
    invoke: { src, id: src, onDone: next, onError: { target: next, actions: onError } },
    after: { [deadline]: { target: next, actions: onTimeout } },
  }) as const;

export const lifecycleMachine = lifecycle.createMachine({
  id: "lifecycle",
  description:
    "Boots state by state, then runs. Whatever happens, it ends through stopping, which undoes what was begun, in reverse.",
  context: ({ input }) => ({
    settings: { ...defaultSettings, ...input.settings },
    now: input.now ?? Date.now,
    random: input.random ?? Math.random,
    begun: { tier: false, lease: false, health: false, open: false, releases: false },
    attempt: 0,
    refusal: { code: "SG_ERR_REDIS_UNREACHABLE", message: "" },
    degraded: false,
    cause: undefined,
    failures: [],
    phases: [],
    stoppingAt: 0,
    unwindingAt: 0,
  }),
  initial: "init",
  on: {
    "hook.failed": { actions: { type: "noteHookFailure", params: ({ event }) => event } },
    "phase.began": { actions: { type: "beginTierPhase", params: ({ event }) => event } },
    "phase.ended": { actions: { type: "endTierPhase", params: ({ event }) => event } },
    "release.owed": { actions: begin("releases") },
    "lease.held": { actions: ["report", "clearDegraded"] },
    "lease.regained": { actions: ["report", "clearDegraded"] },
    "lease.*": { actions: "report" },
    "leadership.*": { actions: "report" },
    "companion.spawn": { actions: { type: "spawnCompanion", params: ({ event }) => event } },
    "xstate.done.actor.companion.*": { actions: "endCompanion" },
    "xstate.error.actor.companion.*": { actions: "endCompanion" },
    "xstate.error.actor.lease": { actions: ["forgetLease", "reportBroken"] },
  },
  states: {
    init: {
      description: "Is constructed; nothing is touched.",
      meta: { waitsFor: "boot" },
      entry: enter("init"),
      on: { boot: "jitter", shutdown: { target: "stopped", actions: noteShutdown } },
    },
    jitter: {
      description: "Waits a random time, so that replicas do not boot in step.",
      meta: { waitsFor: "its turn", deadline: "bootJitter" },
      tags: ["booting"],
      entry: enter("jitter"),
      on: { shutdown: cutBoot },
      after: { bootJitter: "pinging" },
    },
    pinging: {
      description: "Checks that Redis answers, in a few attempts.",
      tags: ["booting"],
      entry: enter("pinging"),
      on: { shutdown: cutBoot },
      initial: "attempt",
      states: {
        attempt: {
          description: "Sends one PING.",
          meta: {
            waitsFor: "Redis to answer PING",
            detail: ({ attempt, settings }) => `attempt ${attempt} of ${settings.pingAttempts}`,
            deadline: "pingTimeout",
          },
          entry: "countAttempt",
          invoke: {
            src: "pingRedis",
            id: "pingRedis",
            onDone: [
              { guard: "hasNoRedis", target: "#lifecycle.starting", actions: mark("skipped") },
              { target: "#lifecycle.starting" },
            ],
            onError: { target: "judging", actions: refused },
          },
          after: { pingTimeout: { target: "judging", actions: silent } },
        },
        judging: {
          description: "Decides whether to try again, to go on without Redis or to stop.",
          always: [
            { guard: "hasAttemptsLeft", target: "backoff" },
            { guard: "isRedisOptional", target: "#lifecycle.starting", actions: ["degrade", mark("failed")] },
            { target: "#lifecycle.stopping", actions: ["failPing", endAs("failed", "redis did not pass the ping gate")] },
          ],
        },
        backoff: {
          description: "Waits a random time before the next attempt.",
          meta: { waitsFor: "the next attempt", deadline: "pingBackoff" },
          after: { pingBackoff: "attempt" },
        },
      },
    },
    starting: {
      description: "Runs the tier's onStart.",
      meta: { waitsFor: "the tier's onStart", detail: ({ phases }) => tierPhaseUnderWay(phases), deadline: "startTimeout" },
      tags: ["booting"],
      entry: [enter("starting"), begin("tier")],
      on: { shutdown: cutBoot },
      invoke: {
        src: "startTier",
        id: "startTier",
        onDone: [
          { guard: "hasRedis", target: "registering", actions: [begin("lease"), "beginLease"] },
          { target: "registering" },
        ],
        onError: {
          target: "stopping",
          actions: [broke("starting", "SG_ERR_START_FAILED", "onStart failed: "), endAs("failed", "onStart failed")],
        },
      },
      after: {
        startTimeout: {
          target: "stopping",
          actions: [
            overran("starting", "SG_ERR_START_TIMEOUT", "onStart did not finish within startTimeoutMs"),
            endAs("failed", "onStart timed out"),
          ],
        },
      },
    },
    registering: {
      description: "Writes the registry entry.",
      meta: { waitsFor: "the first answer to the registry entry", deadline: "registerTimeout" },
      tags: ["booting"],
      entry: enter("registering"),
      on: {
        shutdown: cutBoot,
        "lease.held": { target: "healthy", actions: ["report", "clearDegraded"] },
        "lease.lost": { target: "healthy", actions: ["report", mark("failed")] },
        "lease.superseded": superseded,
        "xstate.error.actor.lease": { target: "healthy", actions: ["forgetLease", "reportBroken", mark("failed")] },
      },
      after: {
        registerTimeout: [
          { guard: "hasNoRedis", target: "healthy", actions: mark("skipped") },
          { target: "healthy", actions: mark("timeout") },
        ],
      },
    },
    healthy: {
      description: "Opens the health port, then waits for run.",
      meta: { tone: "good" },
      entry: enter("healthy"),
      on: { "lease.superseded": superseded },
      initial: "opening",
      states: {
        opening: {
          description: "Opens the health port.",
          meta: { waitsFor: "the health port to open", deadline: "healthTimeout" },
          tags: ["booting"],
          always: { guard: "hasNoHealth", target: "ready", actions: mark("skipped") },
          entry: "beginHealth",
          on: { shutdown: cutBoot },
          invoke: {
            src: "openHealth",
            id: "openHealth",
            onDone: { target: "ready", actions: begin("open") },
            onError: {
              target: "#lifecycle.stopping",
              actions: [broke("healthy", "SG_ERR_HEALTH_OPEN_FAILED", ""), endAs("failed", "the health server did not open")],
            },
          },
          after: {
            healthTimeout: {
              target: "#lifecycle.stopping",
              actions: [
                overran("healthy", "SG_ERR_HEALTH_OPEN_FAILED", "the health server did not open within healthTimeoutMs"),
                endAs("failed", "the health server did not open"),
              ],
            },
          },
        },
        ready: {
          description: "Takes traffic; run has not begun.",
          meta: { waitsFor: "run" },
          tags: ["ready"],
          entry: tell("healthy"),
          on: { run: "#lifecycle.running", shutdown },
        },
      },
    },
    running: {
      description: "Runs the tier's run; takes traffic.",
      meta: { waitsFor: "the tier's run", detail: ({ phases }) => tierPhaseUnderWay(phases), tone: "good" },
      tags: ["ready"],
      entry: [enter("running"), tell("running")],
      on: { shutdown, "lease.superseded": superseded },
      invoke: {
        src: "runTier",
        id: "runTier",
        onDone: { target: "stopping", actions: endAs("completed", "run returned") },
        onError: {
          target: "stopping",
          actions: [broke("running", "SG_ERR_RUN_FAILED", "run failed: "), endAs("failed", "run failed")],
        },
      },
    },
    stopping: {
      description: "Undoes what was begun, in reverse.",
      meta: { tone: "caution" },
      tags: ["stopping"],
      entry: ["beginStopping", enter("stopping"), tell("stopping")],
      on: { "lease.superseded": { actions: ["report", "forgetLease"] } },
      initial: "announcing",
      states: {
        /** never skipped, so that `stopping` is always seen */
        announcing: {
          description: "Answers probes with 503, so that load balancers send nothing more.",
          meta: { waitsFor: "load balancers to notice", deadline: "drainDelay" },
          entry: enter("stopping.announcing"),
          after: { drainDelay: "closing" },
        },
        closing: step("closing", "ownsNoHealth", "closeHealth", "closeTimeout", "deregistering", {
          description: "Closes the health port.",
          waitsFor: "the health port's last answers",
          onError: mark("failed"),
          onTimeout: mark("timeout"),
        }),
        deregistering: {
          description: "Deletes the registry entry.",
          meta: { waitsFor: "the registry entry to be deleted", deadline: "deregisterTimeout" },
          entry: [enter("stopping.deregistering"), "releaseLease"],
          always: { guard: "ownsNoLease", target: "draining", actions: mark("skipped") },
          on: {
            "lease.released": { target: "draining", actions: "report" },
            "lease.abandoned": { target: "draining", actions: ["report", mark("failed")] },
            "lease.superseded": { target: "draining", actions: "report" },
            "xstate.error.actor.lease": { target: "draining", actions: ["reportBroken", mark("failed")] },
          },
          after: { deregisterTimeout: { target: "draining", actions: mark("timeout") } },
          exit: ["endLease", "forgetLease"],
        },
        draining: step("draining", "ownsNoTier", "drainTier", "drainTimeout", "unwinding", {
          description: "Aborts the signal of onStart and run, and waits for both.",
          waitsFor: "work in flight to end",
          onError: broke("stopping.draining", "SG_ERR_DRAIN_TIMEOUT", ""),
          onTimeout: overran(
            "stopping.draining",
            "SG_ERR_DRAIN_TIMEOUT",
            "onStart or run went on after its signal aborted and outlived drainTimeoutMs",
          ),
        }),
        unwinding: {
          ...step("unwinding", "ownsNoTier", "stopTier", "stopTimeout", "releasing", {
            description: "Runs the tier's onStop.",
            waitsFor: "the tier's onStop",
            onError: broke("stopping.unwinding", "SG_ERR_STOP_FAILED", "onStop failed: "),
            onTimeout: overran(
              "stopping.unwinding",
              "SG_ERR_STOP_TIMEOUT",
              "onStop did not finish within its share of stopTimeoutMs",
            ),
          }),
          entry: [enter("stopping.unwinding"), "beginUnwinding"],
        },
        releasing: {
          description: "Calls what the tier deferred, last in first out.",
          meta: { waitsFor: "the tier's deferred releases", deadline: "releaseTimeout" },
          entry: enter("stopping.releasing"),
          always: { guard: "ownsNoReleases", target: "disconnecting", actions: mark("skipped") },
          invoke: {
            src: "releaseTier",
            id: "releaseTier",
            input: ({ context }) => ({ withinMs: releaseTimeoutMs(context) }),
            onDone: "disconnecting",
            onError: {
              target: "disconnecting",
              actions: broke("stopping.releasing", "SG_ERR_STOP_FAILED", "a release failed: "),
            },
          },
          after: {
            releaseTimeout: {
              target: "disconnecting",
              actions: overran("stopping.releasing", "SG_ERR_STOP_TIMEOUT", "the releases did not finish within stopTimeoutMs"),
            },
          },
        },
        /** always runs: politely first, by force at its deadline */
        disconnecting: {
          description: "Closes the Redis connections.",
          meta: { waitsFor: "the Redis connections to close", deadline: "disconnectTimeout" },
          entry: enter("stopping.disconnecting"),
          invoke: {
            src: "closeRedis",
            id: "closeRedis",
            onDone: "#lifecycle.stopped",
            onError: { target: "#lifecycle.stopped", actions: mark("failed") },
          },
          after: { disconnectTimeout: { target: "#lifecycle.stopped", actions: mark("timeout") } },
        },
      },
    },
    stopped: { type: "final", description: "Is over; its output is the report.", entry: [enter("stopped"), "endPhases"] },
  },
  output: ({ context }) => ({
    outcome: context.failures.length > 0 ? ("failed" as const) : (context.cause?.outcome ?? ("shutdown" as const)),
    reason: context.cause?.reason ?? "shutdown",
    exitCode: context.failures.length > 0 ? (1 as const) : (0 as const),
    ...(context.failures[0] ? { error: context.failures[0] } : {}),
    failures: context.failures,
    phases: context.phases as readonly EndedPhase[],
  }),
} satisfies Parameters<typeof lifecycle.createMachine>[0]);

export type LifecycleMachine = typeof lifecycleMachine;
export type LifecycleSnapshot = SnapshotFrom<LifecycleMachine>;
export type LifecycleActor = ActorRefFrom<LifecycleMachine>;
