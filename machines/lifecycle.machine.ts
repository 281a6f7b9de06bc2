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
import type { Companion, CompanionCommand, CompanionOutput } from "./companion.ts";
import { companionId, companionsAmong, endedCompanion } from "./companion.ts";
import type { StateMeta } from "./describe.ts";
import type { LifecycleFact } from "./facts.ts";
import type { LeadershipFact } from "./leadership.machine.ts";
import type { EntryHolder, LeaseEvent, LeaseFact } from "./lease.machine.ts";
import { leaseMachine } from "./lease.machine.ts";
import type {
  ChartPhase,
  EndedPhase,
  Failure,
  LeaseStatus,
  Moment,
  PhaseOutcome,
  PhaseRecord,
  StateName,
  StopStep,
} from "./phases.ts";
import {
  beginTierPhase,
  closed,
  currentPhase,
  effectPhases,
  endAllPhases,
  endedBy,
  endPhase,
  enteredAt,
  enterPhase,
  finalState,
  firstStep,
  initialState,
  isState,
  lastEnded,
  markPhase,
  rounded,
  stoppingState,
  tierPhaseUnderWay,
} from "./phases.ts";
import type { LifecycleSettings } from "./settings.ts";
import { defaultSettings, givenClient, maxPingBackoffMs, withinBudget } from "./settings.ts";
import { adviceOf, messageOf, ownCodeOf } from "./thrown.ts";

/** What a lifecycle is created with; all of it has a default. */
export interface LifecycleInput {
  readonly settings?: Partial<LifecycleSettings>;
  /** measures deadlines, budgets and durations: ms of a monotonic clock; its zero does not matter. XState's clock has timers but no time */
  readonly now?: () => number;
  /** tells the time: ms since the epoch, for display only */
  readonly epochNow?: () => number;
  readonly random?: () => number;
}

/**
 * What was really begun, and so has to be undone. `lease`: the registry entry may exist and be ours. `health`: opening began;
 * `open`: probes may have seen the port. `drain`: the tier has an `onDrain`, and it has not ended.
 */
export interface Begun {
  readonly tier: boolean;
  readonly lease: boolean;
  readonly health: boolean;
  readonly open: boolean;
  readonly drain: boolean;
  readonly releases: boolean;
}

/** Why a service stops: the first cause. */
export interface Cause {
  readonly outcome: "completed" | "shutdown" | "failed";
  readonly reason: string;
}

/** What the chart knows of its service. */
export interface LifecycleContext {
  readonly settings: LifecycleSettings;
  readonly now: () => number;
  readonly epochNow: () => number;
  readonly random: () => number;
  /** when the service was constructed, measured */
  readonly constructedAt: number;
  readonly begun: Begun;
  /** whether the lease takes events; an event sent to a lease that has ended would stop the chart with an error */
  readonly isLeaseAlive: boolean;
  /** the number of the ping attempt, from 1 */
  readonly attempt: number;
  /** why the last ping attempt did not pass */
  readonly refusal: { readonly code: string; readonly message: string; readonly cause?: unknown };
  /** Redis is optional and was absent at boot, and has not answered since */
  readonly degraded: boolean;
  /** why it stops: the first cause, never replaced */
  readonly cause: Cause | undefined;
  readonly failures: readonly Failure[];
  /** the first error that came while stopping */
  readonly lateError: unknown;
  readonly phases: readonly PhaseRecord[];
  /** the timer that was set last; where the present state has a deadline, it is this one */
  readonly timer: Timer | undefined;
}

/** A timer of the chart, as it was set. */
export interface Timer {
  /** the delay's name in the chart */
  readonly name: string;
  readonly ms: number;
  /** when it was set, in ms since the service was constructed */
  readonly setMs: number;
}

/** What a caller may ask for. */
export type LifecycleCommand = { type: "boot" } | { type: "run" } | Shutdown;

type Shutdown = { type: "shutdown"; reason: string; error?: unknown };

/** A phase of a tier's own began. `began`: when; without it, at the event */
export type PhaseBegan = { type: "phase.began"; phase: string; began?: Moment };
/** A phase of a tier's own has ended. `began` distinguishes phases of one name; without it, the latest one has ended */
export type PhaseEnded = { type: "phase.ended"; phase: string; outcome: PhaseOutcome; began?: Moment };

/** Facts about a tier's hooks, which the host sends in any state. */
export type HookFact =
  | { type: "hook.failed"; failure: Failure }
  | PhaseBegan
  | PhaseEnded
  | { type: "release.owed" }
  | { type: "drain.owed" };

/** An error given to a shutdown that is not the cause of the stop: one of a later call, or of a call that another one overtook. */
export type LateError = { type: "error.late"; error: unknown };

/** A hook hands over a chart that lives beside it. `count` is its number among those of the service. */
export interface CompanionSpawn {
  readonly type: "companion.spawn";
  readonly companion: Companion;
  readonly count: number;
}

type CompanionEnd =
  | { type: `xstate.done.actor.companion.${string}`; output: CompanionOutput }
  | { type: `xstate.error.actor.companion.${string}`; error: unknown };

/** Every event that the chart takes. */
export type LifecycleEvent =
  | LifecycleCommand
  | HookFact
  | LateError
  | CompanionSpawn
  | CompanionEnd
  | LeadershipFact
  | LeaseFact
  | { type: "xstate.error.actor.lease"; error: unknown }
  | { type: "xstate.done.actor.announceTier" }
  | { type: "xstate.error.actor.announceTier"; error: unknown };

/** What the releases may take together, in ms. */
export interface ReleaseWork {
  readonly withinMs: number;
}

/** `booting`: on the way to `ready`. `ready`: traffic may come. `stopping`: everything begun is being undone. */
export type LifecycleTag = "booting" | "ready" | "stopping";

/** What the chart ends with: the report of the service before its failures become errors. */
export interface LifecycleOutput {
  readonly outcome: Cause["outcome"];
  readonly reason: string;
  readonly exitCode: 0 | 1;
  readonly error?: Failure;
  readonly failures: readonly Failure[];
  readonly phases: readonly EndedPhase[];
}

/** A failure; with `outcome` it marks the phase under way, with `reason` it is why the service stops. */
export interface Failing extends Failure {
  readonly outcome?: PhaseOutcome;
  readonly reason?: string | undefined;
}

interface Enqueue {
  assign(change: Partial<LifecycleContext>): void;
  emit(fact: LifecycleFact): void;
}

/** Emits each phase that the change of the record has ended. */
const reportEnded = (enqueue: Enqueue, before: readonly PhaseRecord[], phases: readonly PhaseRecord[]): void => {
  for (const ended of endedBy(before, phases)) enqueue.emit({ type: "phase.ended", ...ended });
};

const fail = (enqueue: Enqueue, context: LifecycleContext, { outcome, reason, ...failure }: Failing): void => {
  enqueue.assign({
    failures: [...context.failures, failure],
    phases: markPhase(context.phases, outcome),
    cause: reason === undefined ? context.cause : { outcome: "failed", reason },
  });
  enqueue.emit({ type: "failed", ...failure });
};

/** The length of the deadline that has passed. */
const passed = ({ timer }: LifecycleContext): string => `${Math.round(timer!.ms)} ms`;

const overranDrain = (context: LifecycleContext): Failing => ({
  phase: "stopping.announcing",
  code: "SG_ERR_DRAIN_TIMEOUT",
  message: `onDrain did not finish within drainDelayMs (${passed(context)})`,
  outcome: "timeout",
});

/** The tier's own phase that a hook is in; empty where it is in none. */
const itsPhase = ({ phases }: LifecycleContext): string => {
  const phase = tierPhaseUnderWay(phases);
  return phase === undefined ? "" : `, in its phase '${phase}'`;
};

/** The hooks that may outlive the drain. */
const drained = ({ phases, begun: { drain } }: LifecycleContext): string =>
  `${phases.some(({ phase }) => phase === "running") ? "run" : "onStart"}${drain ? " or onDrain" : ""}`;

/** The failure that an error given to a shutdown is, wherever the chart is. */
const failureOf = (error: unknown, { phases }: LifecycleContext): Failure => ({
  phase: currentPhase(phases),
  code: ownCodeOf(error) ?? "SG_ERR_FAILED",
  message: messageOf(error),
  cause: error,
});

/** ms since the service was constructed, by the clock that measures. */
export const uptimeOf = ({ now, constructedAt }: LifecycleContext): number => rounded(now() - constructedAt);

/** Now, on both clocks of the service. */
export const momentOf = (context: LifecycleContext): Moment => ({ startedAt: context.epochNow(), offsetMs: uptimeOf(context) });

/** How the service ends, as far as it is known. */
export const outcomeOf = ({ failures, cause }: Pick<LifecycleContext, "failures" | "cause">): Cause["outcome"] =>
  // equivalent mutant: every arrow into stopping and stopped sets the cause; the default keeps the output total
  failures.length > 0 ? "failed" : (cause?.outcome ?? "shutdown");

const toLease = (event: LeaseEvent) => event;
/** What is left of `withinMs` that began when `phase` was entered. */
const leftOf = (context: LifecycleContext, phase: ChartPhase, withinMs: number): number =>
  enteredAt(context.phases, phase) + withinMs - uptimeOf(context);
const budgetLeft = (context: LifecycleContext): number => leftOf(context, stoppingState, context.settings.shutdownTimeoutMs);
/** `onStop` and the releases share one deadline; a quarter of it is kept for the releases */
const releaseShareMs = (stopTimeoutMs: number): number => stopTimeoutMs / 4;
/** whether the port closes behind the releases; one that was never open closes in the first order */
const closesHealthLast = ({ settings, begun }: LifecycleContext): boolean => settings.closeHealth === "last" && begun.open;
/** whether the delay has a purpose: probes saw the port, or a tier without a health server has its own `onDrain` */
const announces = ({ settings, begun }: LifecycleContext): boolean => begun.open || (begun.drain && !settings.hasHealth);
const drainDelay = (context: LifecycleContext): number =>
  withinBudget(announces(context) ? context.settings.drainDelayMs : 0, budgetLeft(context), 6);
/** steps after the current one, `closing` included where it is still to come */
const toCome = (context: LifecycleContext, steps: number): number => steps + Number(closesHealthLast(context));
const releaseTimeoutMs = (context: LifecycleContext): number => {
  const { stopTimeoutMs } = context.settings;
  const shared = leftOf(context, effectPhases.stopTier, stopTimeoutMs);
  return withinBudget(Math.max(shared, releaseShareMs(stopTimeoutMs)), budgetLeft(context), toCome(context, 1));
};

/** The time that each deadline leaves, in ms, where its timer is set now. */
export const timeLimits = {
  bootJitter: (context) => context.random() * context.settings.jitterMaxMs,
  pingTimeout: (context) => context.settings.pingTimeoutMs,
  pingBackoff: (context) => context.random() * Math.min(maxPingBackoffMs, 100 * 2 ** context.attempt),
  startTimeout: (context) => context.settings.startTimeoutMs,
  registerTimeout: (context) => (context.begun.lease ? context.settings.registerTimeoutMs : 0),
  healthTimeout: (context) => context.settings.healthTimeoutMs,
  drainDelay: (context) => drainDelay(context),
  closeTimeout: (context) =>
    withinBudget(context.settings.healthTimeoutMs, budgetLeft(context), closesHealthLast(context) ? 1 : 5),
  deregisterTimeout: (context) => withinBudget(context.settings.registerTimeoutMs, budgetLeft(context), toCome(context, 4)),
  drainTimeout: (context) => withinBudget(context.settings.drainTimeoutMs, budgetLeft(context), toCome(context, 3)),
  stopTimeout: (context) => {
    const { stopTimeoutMs } = context.settings;
    const ownMs = stopTimeoutMs - (context.begun.releases ? releaseShareMs(stopTimeoutMs) : 0);
    return withinBudget(ownMs, budgetLeft(context), toCome(context, 2));
  },
  releaseTimeout: (context) => releaseTimeoutMs(context),
  disconnectTimeout: (context) => withinBudget(1000, budgetLeft(context), 0),
} satisfies Record<string, (context: LifecycleContext) => number>;
type TimerName = keyof typeof timeLimits;

/** Set once, on entering the state: what is drawn at random or left of a budget then holds until the state is left. */
const timerOf = (context: LifecycleContext, name: TimerName, setMs = uptimeOf(context)): Timer => ({
  name,
  ms: timeLimits[name](context),
  setMs,
});
const asSet = ({ context }: { context: LifecycleContext }): number => context.timer!.ms;

/** A state that is entered. All that this changes is one assignment: each one makes a snapshot. */
export interface Entering {
  readonly phase: ChartPhase;
  /** the step that it begins with, entered in the same transition */
  readonly first?: ChartPhase;
  /** the deadline of the state */
  readonly timer?: TimerName;
  /** what has to be undone from here on */
  readonly begins?: keyof Begun;
  /** what has no longer to be undone */
  readonly ends?: "lease";
}

/** A service without a health server, or without Redis, has none of it to undo. */
const begunIn = ({ begun, settings: { hasHealth, hasRedis } }: LifecycleContext, { begins, ends }: Entering): Begun => {
  if (ends !== undefined) return { ...begun, [ends]: false };
  const isMissing = (begins === "health" && !hasHealth) || (begins === "lease" && !hasRedis);
  return begins === undefined || isMissing ? begun : { ...begun, [begins]: true };
};

const entered = (context: LifecycleContext, entering: Entering): Partial<LifecycleContext> => {
  const { phase, first, timer, begins, ends } = entering;
  const at = momentOf(context);
  const outer = enterPhase(context.phases, phase, at);
  const phases = first === undefined ? outer : enterPhase(outer, first, at);
  const begun = begunIn(context, entering);
  return {
    phases,
    begun,
    timer: timer === undefined ? context.timer : timerOf({ ...context, phases, begun }, timer, at.offsetMs),
    isLeaseAlive: begins === "lease" || ends === "lease" ? begun.lease : context.isLeaseAlive,
  };
};

/**
 * What to do where no answer says it. A server without TLS reads the handshake as the start of a command and sends no reply; a client that
 * waits in a command sends no other.
 */
const wayOnFor = (redisLabel: string): string => {
  if (redisLabel === givenClient)
    return "Is it running, and is the client open, with TLS where its port speaks it, and in no command that waits?";
  const question = redisLabel.startsWith("rediss:") ? "Is it running, and does its port speak TLS?" : "Is it running?";
  return `${question} Set REDIS_URL or the option redis, which is null for a service without one.`;
};

const lifecycle = setup({
  types: {} as {
    context: LifecycleContext;
    events: LifecycleEvent;
    input: LifecycleInput;
    output: LifecycleOutput;
    tags: LifecycleTag;
    meta: StateMeta<LifecycleContext>;
    emitted: LifecycleFact;
    children: { lease: "lease"; announceTier: "announceTier" };
  },
  actors: {
    pingRedis: declared("pingRedis"),
    startTier: declared("startTier"),
    openHealth: declared("openHealth"),
    runTier: declared("runTier"),
    announceTier: declared("announceTier"),
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
    enter: assign(({ context }, entering: Entering) => entered(context, entering)),
    setTimer: assign({ timer: ({ context }, { name }: { name: TimerName }) => timerOf(context, name) }),
    reportLeft: emit(({ context }) => ({ type: "phase.ended" as const, ...lastEnded(context.phases) })),
    reportEntered: emit((_, { state }: { state: StateName }) => ({ type: "state.entered" as const, state })),
    mark: assign({ phases: ({ context }, params: { outcome: PhaseOutcome }) => markPhase(context.phases, params.outcome) }),
    begin: assign({ begun: ({ context }, params: { what: keyof Begun }) => ({ ...context.begun, [params.what]: true }) }),
    fail: enqueueActions(({ context, enqueue }, params: Failing) => fail(enqueue, context, params)),
    endAs: assign({ cause: (_, params: Cause) => params }),
    noteShutdown: enqueueActions(({ context, enqueue }, { reason, error }: Shutdown) => {
      if (error === undefined) enqueue.assign({ cause: { outcome: "shutdown", reason } });
      else fail(enqueue, context, { ...failureOf(error, context), reason });
    }),
    noteLateError: enqueueActions(({ context, enqueue }, { error }: LateError) => {
      if (context.lateError !== undefined || context.failures.some(({ cause }) => cause === error)) return;
      enqueue.assign({ lateError: error });
      fail(enqueue, context, { ...failureOf(error, context), outcome: "failed" });
    }),
    beginAttempt: assign(({ context }) => ({ attempt: context.attempt + 1, timer: timerOf(context, "pingTimeout") })),
    noteRefusal: assign({
      refusal: ({ context }, params: { error: unknown }) => {
        const { redisLabel, pingAttempts } = context.settings;
        const message = `Redis at ${redisLabel} did not pass the ping gate, ${pingAttempts} attempt${pingAttempts === 1 ? "" : "s"}: ${messageOf(params.error)}. ${adviceOf(params.error) ?? wayOnFor(redisLabel)}`;
        return { code: ownCodeOf(params.error) ?? "SG_ERR_REDIS_UNREACHABLE", message, cause: params.error };
      },
    }),
    degrade: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ degraded: true });
      enqueue.emit({ type: "degraded", reason: context.refusal.message });
    }),
    clearDegraded: enqueueActions(({ context, enqueue }) => {
      if (!context.degraded) return;
      enqueue.assign({ degraded: false });
      enqueue.emit({ type: "degraded.cleared" });
    }),
    beginTierPhase: assign({
      phases: ({ context }, { phase, began = momentOf(context) }: PhaseBegan) => beginTierPhase(context.phases, phase, began),
    }),
    endTierPhase: enqueueActions(({ context, enqueue }, { phase, outcome, began }: PhaseEnded) => {
      const endedAt = uptimeOf(context);
      const phases = endPhase(context.phases, { phase, began }, endedAt, outcome);
      if (phases !== context.phases) {
        enqueue.assign({ phases });
        reportEnded(enqueue, context.phases, phases);
      } else if (began !== undefined) enqueue.emit({ type: "phase.ended", ...closed({ phase, ...began }, endedAt, outcome) });
    }),
    /** enters the last state, which ends at once, and with it every phase that is still open */
    end: enqueueActions(({ context, enqueue }) => {
      const entered = enterPhase(context.phases, finalState, momentOf(context));
      const phases = endAllPhases(entered, uptimeOf(context));
      enqueue.assign({ phases });
      reportEnded(enqueue, context.phases, entered);
      enqueue.emit({ type: "state.entered", state: finalState });
      reportEnded(enqueue, entered, phases);
    }),
    /** spawned, and not invoked: a tier without an `onDrain` has no actor in that step */
    callDrain: enqueueActions(({ context, enqueue }) => {
      if (context.begun.drain) enqueue.spawnChild("announceTier", { id: "announceTier" });
    }),
    endDrain: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ begun: { ...context.begun, drain: false } });
      enqueue.stopChild("announceTier");
    }),
    /** without a delay there was no time that it could have overrun */
    cutDrain: enqueueActions(({ context, enqueue }) => {
      if (!context.begun.drain) return;
      enqueue.stopChild("announceTier");
      if (context.timer!.ms > 0) fail(enqueue, context, overranDrain(context));
    }),
    spawnLease: spawnChild("lease", {
      id: "lease",
      input: ({ context, self }) => ({
        parent: self,
        status: "starting" as const,
        times: context.settings,
        now: context.now,
        epochNow: context.epochNow,
        random: context.random,
      }),
    }),
    sendStatus: enqueueActions(({ context, enqueue }, { status }: { status: LeaseStatus }) => {
      if (context.isLeaseAlive) enqueue.sendTo("lease", toLease({ type: "status", status }));
    }),
    sendRelease: enqueueActions(({ context, enqueue }) => {
      if (context.isLeaseAlive) enqueue.sendTo("lease", toLease({ type: "release" }));
    }),
    stopLease: stopChild("lease"),
    noteLeaseEnded: assign({ isLeaseAlive: false }),
    /** nothing of ours is in the registry any more, or nothing more can be done about it */
    forgetLease: assign(({ context }) => ({ begun: { ...context.begun, lease: false }, isLeaseAlive: false })),
    spawnCompanion: enqueueActions(({ enqueue, self }, { companion, count }: CompanionSpawn) => {
      const { name, logic, input } = companion;
      const id = companionId(name, count);
      enqueue.spawnChild(((logic as unknown) ?? "companion") as "companion", { id, input: { ...input, parent: self } });
    }),
    /** those that outlive the drain; one that has ended is no child any more */
    cutCompanions: enqueueActions(({ enqueue, self }) => {
      const cut: CompanionCommand = { type: "cut" };
      for (const companion of companionsAmong(self.getSnapshot().children)) enqueue.sendTo(companion, cut);
    }),
    endCompanion: stopChild(({ event }) => endedCompanion(event)),
    report: emit((_, { fact }: { fact: LeaseFact | LeadershipFact }) => fact),
    reportBroken: emit((_, { error }: { error: unknown }) => ({ type: "lease.broken" as const, reason: messageOf(error) })),
  },
  guards: {
    hasNoRedis: ({ context }) => !context.settings.hasRedis,
    hasNoHealth: ({ context }) => !context.settings.hasHealth,
    hasAttemptsLeft: ({ context }) => context.attempt < context.settings.pingAttempts,
    isRedisOptional: ({ context }) => !context.settings.redisRequired,
    ownsNoHealth: ({ context }) => !context.begun.health,
    ownsNoLease: ({ context }) => !context.begun.lease,
    isLeaseOver: ({ context }) => !context.isLeaseAlive,
    ownsNoTier: ({ context }) => !context.begun.tier,
    ownsNoReleases: ({ context }) => !context.begun.releases,
    closesHealthLast: ({ context }) => closesHealthLast(context),
    ownsOnlyHealth: ({ context }) => !context.begun.releases && closesHealthLast(context),
  },
  delays: {
    bootJitter: asSet,
    pingTimeout: asSet,
    pingBackoff: asSet,
    startTimeout: asSet,
    registerTimeout: asSet,
    healthTimeout: asSet,
    drainDelay: asSet,
    closeTimeout: asSet,
    deregisterTimeout: asSet,
    drainTimeout: asSet,
    stopTimeout: asSet,
    releaseTimeout: asSet,
    disconnectTimeout: asSet,
  },
});

/* ---- the words that the states below are written in ---- */
interface Erring {
  readonly event: { readonly error: unknown };
}
interface Spoilt {
  readonly phase: ChartPhase;
  readonly code: string;
  /** why the service stops; left out where it stops already */
  readonly reason?: string;
}
const reportEntered = (state: StateName) => ({ type: "reportEntered" as const, params: { state } });
/** Entering a state ends the phase before it, and so does a step of stopping that follows another one. */
const enter = (phase: ChartPhase, timer?: TimerName, more: Pick<Entering, "first" | "begins" | "ends"> = {}) => {
  const enters = { type: "enter" as const, params: { phase, ...(timer && { timer }), ...more } satisfies Entering };
  if (!isState(phase)) return [enters, "reportLeft"] as const;
  return [enters, "reportLeft", reportEntered(phase)] as const;
};
const begin = (what: keyof Begun) => ({ type: "begin" as const, params: { what } });
const setTimer = (name: TimerName) => ({ type: "setTimer" as const, params: { name } });
const mark = (outcome: PhaseOutcome) => ({ type: "mark" as const, params: { outcome } });
const sendStatus = (status: LeaseStatus) => ({ type: "sendStatus" as const, params: { status } });
const report = { type: "report" as const, params: ({ event }: { event: LeaseFact | LeadershipFact }) => ({ fact: event }) };
const reportBroken = { type: "reportBroken" as const, params: ({ event }: Erring) => ({ error: event.error }) };
const refused = { type: "noteRefusal" as const, params: ({ event }: Erring) => ({ error: event.error }) };
const silent = { type: "noteRefusal" as const, params: { error: "no answer to PING within its deadline" } };
const completed = { type: "endAs" as const, params: { outcome: "completed" as const, reason: "run returned" } };
/** Work of ours that failed keeps the code of its error. */
const broke = ({ phase, code, reason }: Spoilt) => ({
  type: "fail" as const,
  params: ({ event }: Erring): Failing => ({
    phase,
    code: ownCodeOf(event.error) ?? code,
    message: messageOf(event.error),
    cause: event.error,
    outcome: "failed",
    reason,
  }),
});
/** A failure of a hook has the code of that hook; a code in the tier's own error is not used. */
const hookFailed = ({ phase, code, reason, hook }: Spoilt & { readonly hook: string }) => ({
  type: "fail" as const,
  params: ({ event }: Erring): Failing => ({
    phase,
    code,
    message: `${hook} failed: ${messageOf(event.error)}`,
    cause: event.error,
    outcome: "failed",
    reason,
  }),
});
const overran = ({ message, ...spoilt }: Spoilt & { readonly message: (context: LifecycleContext) => string }) => ({
  type: "fail" as const,
  params: ({ context }: { context: LifecycleContext }): Failing => ({
    ...spoilt,
    message: message(context),
    outcome: "timeout",
  }),
});
const gateShut = {
  type: "fail" as const,
  params: ({ context: { refusal } }: { context: LifecycleContext }): Failing => ({
    phase: "pinging",
    ...refusal,
    outcome: "failed",
    reason: "redis did not pass the ping gate",
  }),
};
const takenOver = {
  type: "fail" as const,
  params: ({ context, event: { twin } }: { context: LifecycleContext; event: { twin: EntryHolder } }): Failing => ({
    phase: currentPhase(context.phases),
    code: "SG_ERR_SUPERSEDED",
    message: `a newer boot has taken this instance id: pid ${twin.pid} on ${twin.host}. Give each instance an id of its own.`,
    reason: "superseded",
  }),
};
/** A hook that fails in the phase it belongs to marks that phase. */
const lateHookFailure = {
  type: "fail" as const,
  params: ({ context, event: { failure } }: { context: LifecycleContext; event: { failure: Failure } }): Failing => ({
    ...failure,
    ...(failure.phase === currentPhase(context.phases) ? { outcome: "failed" as const } : {}),
  }),
};

/** The arrows into `stopping` that are the same wherever they start. A boot that is cut is marked so. */
const noteShutdown = { type: "noteShutdown" as const, params: ({ event }: { event: Shutdown }) => event };
const shutdown = { target: "#lifecycle.stopping", actions: noteShutdown } as const;
const cutBoot = { target: "#lifecycle.stopping", actions: [noteShutdown, mark("aborted")] } as const;
const superseded = { target: "#lifecycle.stopping", actions: [report, "forgetLease", takenOver] } as const;

/** The two orders of stopping: `last` follows where the port closes last, otherwise `next`. */
const leads = <Next extends StopStep, Last extends StopStep, Actions = never>(next: Next, last: Last, actions?: Actions) => {
  // equivalent mutant (false): XState ignores actions that are undefined; only its type does not allow them
  const does = actions === undefined ? {} : { actions };
  return [
    { guard: "closesHealthLast" as const, target: last, ...does },
    { target: next, ...does },
  ] as const;
};

interface Step {
  readonly description: string;
  readonly waitsFor: string;
  readonly does: "drainTier" | "stopTier";
  readonly within: Extract<TimerName, "drainTimeout" | "stopTimeout">;
  readonly ends?: "lease";
  readonly next: StopStep;
  readonly onError: ReturnType<typeof broke | typeof hookFailed>;
  readonly onTimeout: ReturnType<typeof overran>;
}
/** A step that runs a hook of the tier: skipped if `onStart` was never begun; done, error and deadline all lead to the next one. */
const step = (phase: StopStep, { description, waitsFor, does, within, ends, next, onError, onTimeout }: Step) =>
  lifecycle.createStateConfig({
    description,
    meta: { waitsFor, deadline: within },
    entry: enter(`stopping.${phase}`, within, ends && { ends }),
    always: { guard: "ownsNoTier", target: next, actions: mark("skipped") },
    invoke: { src: does, id: does, onDone: next, onError: { target: next, actions: onError } },
    after: { [within]: { target: next, actions: onTimeout } },
  });

/** The chart of one service. A host provides the effects, each of which is an actor with a signal. */
export const lifecycleMachine = lifecycle.createMachine({
  id: "lifecycle",
  description: "Boots state by state, then runs. It always ends through stopping, which undoes what was begun, in reverse.",
  context: ({ input: { settings, now = () => performance.now(), epochNow = Date.now, random = Math.random } }) => ({
    settings: { ...defaultSettings, ...settings },
    now,
    epochNow,
    random,
    constructedAt: now(),
    begun: { tier: false, lease: false, health: false, open: false, drain: false, releases: false },
    isLeaseAlive: false,
    attempt: 1,
    refusal: { code: "SG_ERR_REDIS_UNREACHABLE", message: "" },
    degraded: false,
    cause: undefined,
    failures: [],
    lateError: undefined,
    phases: [{ phase: initialState, startedAt: epochNow(), offsetMs: 0 }],
    timer: undefined,
  }),
  initial: "init",
  on: {
    "hook.failed": { actions: lateHookFailure },
    "phase.began": { actions: { type: "beginTierPhase", params: ({ event }) => event } },
    "phase.ended": { actions: { type: "endTierPhase", params: ({ event }) => event } },
    "release.owed": { actions: begin("releases") },
    "lease.held": { actions: [report, "clearDegraded"] },
    "lease.regained": { actions: [report, "clearDegraded"] },
    "lease.*": { actions: report },
    "leadership.gained": { actions: report },
    "leadership.lost": { actions: report },
    "leadership.released": { actions: report },
    "leadership.abandoned": { actions: report },
    "companion.spawn": { actions: { type: "spawnCompanion", params: ({ event }) => event } },
    "xstate.done.actor.companion.*": { actions: "endCompanion" },
    "xstate.error.actor.companion.*": { actions: "endCompanion" },
    "xstate.error.actor.lease": { actions: ["noteLeaseEnded", reportBroken] },
  },
  states: {
    init: {
      description: "Is constructed; nothing is touched.",
      meta: { waitsFor: "boot" },
      entry: reportEntered(initialState),
      on: { boot: "jitter", shutdown: { target: "stopped", actions: noteShutdown } },
    },
    jitter: {
      description: "Waits a random time, so that replicas do not boot in step.",
      meta: { waitsFor: "its turn", deadline: "bootJitter" },
      tags: ["booting"],
      entry: enter("jitter", "bootJitter"),
      on: { shutdown: cutBoot },
      after: { bootJitter: "pinging" },
    },
    pinging: {
      description: "Checks that Redis answers, in a few attempts.",
      tags: ["booting"],
      entry: enter("pinging", "pingTimeout"),
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
            { target: "#lifecycle.stopping", actions: gateShut },
          ],
        },
        backoff: {
          description: "Waits a random time before the next attempt.",
          meta: { waitsFor: "the next attempt", deadline: "pingBackoff" },
          entry: setTimer("pingBackoff"),
          after: { pingBackoff: { target: "attempt", actions: "beginAttempt" } },
        },
      },
    },
    starting: {
      description: "Runs the tier's onStart.",
      meta: { waitsFor: "the tier's onStart", detail: ({ phases }) => tierPhaseUnderWay(phases), deadline: "startTimeout" },
      tags: ["booting"],
      entry: enter("starting", "startTimeout", { begins: "tier" }),
      on: { shutdown: cutBoot, "drain.owed": { actions: begin("drain") } },
      invoke: {
        src: "startTier",
        id: "startTier",
        onDone: [
          { guard: "hasNoRedis", target: "registering" },
          { target: "registering", actions: "spawnLease" },
        ],
        onError: {
          target: "stopping",
          actions: hookFailed({
            phase: "starting",
            code: "SG_ERR_START_FAILED",
            hook: "onStart",
            reason: "onStart failed",
          }),
        },
      },
      after: {
        startTimeout: {
          target: "stopping",
          actions: overran({
            phase: "starting",
            code: "SG_ERR_START_TIMEOUT",
            message: (context) => `onStart did not finish within startTimeoutMs (${passed(context)})${itsPhase(context)}`,
            reason: "onStart timed out",
          }),
        },
      },
    },
    registering: {
      description: "Writes the registry entry.",
      meta: { waitsFor: "the first answer to the registry entry", deadline: "registerTimeout" },
      tags: ["booting"],
      entry: enter("registering", "registerTimeout", { begins: "lease" }),
      on: {
        shutdown: cutBoot,
        "lease.held": { target: "healthy", actions: [report, "clearDegraded"] },
        "lease.lost": { target: "healthy", actions: [report, mark("failed")] },
        "lease.superseded": superseded,
        "xstate.error.actor.lease": { target: "healthy", actions: ["noteLeaseEnded", reportBroken, mark("failed")] },
      },
      after: {
        registerTimeout: [
          { guard: "ownsNoLease", target: "healthy", actions: mark("skipped") },
          { target: "healthy", actions: mark("timeout") },
        ],
      },
    },
    healthy: {
      description: "Opens the health port, then waits for run.",
      meta: { tone: "good" },
      entry: enter("healthy", "healthTimeout", { begins: "health" }),
      on: { "lease.superseded": superseded },
      initial: "opening",
      states: {
        opening: {
          description: "Opens the health port.",
          meta: { waitsFor: "the health port to open", deadline: "healthTimeout" },
          tags: ["booting"],
          always: { guard: "hasNoHealth", target: "ready", actions: mark("skipped") },
          on: { shutdown: cutBoot },
          invoke: {
            src: "openHealth",
            id: "openHealth",
            onDone: { target: "ready", actions: begin("open") },
            onError: {
              target: "#lifecycle.stopping",
              actions: broke({ phase: "healthy", code: "SG_ERR_HEALTH_OPEN_FAILED", reason: "the health server did not open" }),
            },
          },
          after: {
            healthTimeout: {
              target: "#lifecycle.stopping",
              actions: overran({
                phase: "healthy",
                code: "SG_ERR_HEALTH_OPEN_FAILED",
                message: (context) => `the health server did not open within healthTimeoutMs (${passed(context)})`,
                reason: "the health server did not open",
              }),
            },
          },
        },
        ready: {
          description: "Takes traffic; run has not begun.",
          meta: { waitsFor: "run" },
          tags: ["ready"],
          entry: sendStatus("healthy"),
          on: { run: "#lifecycle.running", shutdown },
        },
      },
    },
    running: {
      description: "Runs the tier's run; takes traffic.",
      meta: { waitsFor: "the tier's run", detail: ({ phases }) => tierPhaseUnderWay(phases), tone: "good" },
      tags: ["ready"],
      entry: [...enter("running"), sendStatus("running")],
      on: { shutdown, "lease.superseded": superseded },
      invoke: {
        src: "runTier",
        id: "runTier",
        onDone: { target: "stopping", actions: completed },
        onError: {
          target: "stopping",
          actions: hookFailed({ phase: "running", code: "SG_ERR_RUN_FAILED", hook: "run", reason: "run failed" }),
        },
      },
    },
    stopping: {
      description: "Undoes what was begun, in reverse.",
      meta: { tone: "caution" },
      tags: ["stopping"],
      entry: [...enter("stopping", "drainDelay", { first: firstStep }), sendStatus("stopping")],
      on: {
        "error.late": { actions: { type: "noteLateError", params: ({ event }) => event } },
        "lease.superseded": { actions: [report, "forgetLease"] },
      },
      initial: "announcing",
      states: {
        /** Never skipped, so that every observer sees `stopping`. */
        announcing: {
          description:
            "Answers probes with 503, so that load balancers send nothing more, and runs the tier's onDrain, if it has one.",
          meta: {
            waitsFor: "load balancers to notice",
            detail: ({ begun }) => (begun.drain ? "and the tier's onDrain" : undefined),
            deadline: "drainDelay",
          },
          entry: "callDrain",
          on: {
            "xstate.done.actor.announceTier": { actions: "endDrain" },
            "xstate.error.actor.announceTier": {
              actions: ["endDrain", hookFailed({ phase: "stopping.announcing", code: "SG_ERR_DRAIN_FAILED", hook: "onDrain" })],
            },
          },
          after: { drainDelay: leads("closing", "deregistering", "cutDrain") },
        },
        /** Second, or last but one: behind the releases where `closeHealth` is `last`. */
        closing: {
          description: "Closes the health port.",
          meta: { waitsFor: "the health port's last answers", deadline: "closeTimeout" },
          entry: enter("stopping.closing", "closeTimeout"),
          always: { guard: "ownsNoHealth", target: "deregistering", actions: mark("skipped") },
          invoke: {
            src: "closeHealth",
            id: "closeHealth",
            onDone: leads("deregistering", "disconnecting"),
            onError: leads("deregistering", "disconnecting", mark("failed")),
          },
          after: { closeTimeout: leads("deregistering", "disconnecting", mark("timeout")) },
        },
        deregistering: {
          description: "Deletes the registry entry.",
          meta: { waitsFor: "the registry entry to be deleted", deadline: "deregisterTimeout" },
          entry: [...enter("stopping.deregistering", "deregisterTimeout"), "sendRelease"],
          always: [
            { guard: "ownsNoLease", target: "draining", actions: mark("skipped") },
            { guard: "isLeaseOver", target: "draining", actions: mark("failed") },
          ],
          on: {
            "lease.released": { target: "draining", actions: report },
            "lease.abandoned": { target: "draining", actions: [report, mark("failed")] },
            "lease.superseded": { target: "draining", actions: report },
            "xstate.error.actor.lease": { target: "draining", actions: [reportBroken, mark("failed")] },
          },
          after: { deregisterTimeout: { target: "draining", actions: mark("timeout") } },
          exit: "stopLease",
        },
        /** From here on the entry is out of the registry, or its delete was given up. */
        draining: {
          ...step("draining", {
            description: "Aborts the signal of onStart and run, and waits for the hooks that still run.",
            waitsFor: "work in flight to end",
            does: "drainTier",
            within: "drainTimeout",
            ends: "lease",
            next: "unwinding",
            onError: broke({ phase: "stopping.draining", code: "SG_ERR_DRAIN_TIMEOUT" }),
            onTimeout: overran({
              phase: "stopping.draining",
              code: "SG_ERR_DRAIN_TIMEOUT",
              message: (context) =>
                `${drained(context)} went on for longer than drainTimeoutMs (${passed(context)}) after its signal aborted: what it waits for has to end with context.signal`,
            }),
          }),
          exit: "cutCompanions",
        },
        unwinding: {
          // equivalent mutant: its entry, where the name is used, is replaced in the next lines
          ...step("unwinding", {
            description: "Runs the tier's onStop.",
            waitsFor: "the tier's onStop",
            does: "stopTier",
            within: "stopTimeout",
            next: "releasing",
            onError: hookFailed({ phase: "stopping.unwinding", code: "SG_ERR_STOP_FAILED", hook: "onStop" }),
            onTimeout: overran({
              phase: "stopping.unwinding",
              code: "SG_ERR_STOP_TIMEOUT",
              message: (context) => `onStop did not finish within its share of stopTimeoutMs (${passed(context)})`,
            }),
          }),
          entry: enter("stopping.unwinding", "stopTimeout"),
        },
        releasing: {
          description: "Calls what the tier deferred, last in first out.",
          meta: { waitsFor: "the tier's deferred releases", deadline: "releaseTimeout" },
          entry: enter("stopping.releasing", "releaseTimeout"),
          always: [
            { guard: "ownsOnlyHealth", target: "closing", actions: mark("skipped") },
            { guard: "ownsNoReleases", target: "disconnecting", actions: mark("skipped") },
          ],
          invoke: {
            src: "releaseTier",
            id: "releaseTier",
            input: ({ context }) => ({ withinMs: context.timer!.ms }),
            onDone: leads("disconnecting", "closing"),
            onError: leads(
              "disconnecting",
              "closing",
              hookFailed({ phase: "stopping.releasing", code: "SG_ERR_STOP_FAILED", hook: "a release" }),
            ),
          },
          after: {
            releaseTimeout: leads(
              "disconnecting",
              "closing",
              overran({
                phase: "stopping.releasing",
                code: "SG_ERR_STOP_TIMEOUT",
                message: (context) => `the releases did not finish within their share of stopTimeoutMs (${passed(context)})`,
              }),
            ),
          },
        },
        /** Never skipped. Connections that do not close by the deadline are destroyed. */
        disconnecting: {
          description: "Closes the Redis connections.",
          meta: { waitsFor: "the Redis connections to close", deadline: "disconnectTimeout" },
          entry: enter("stopping.disconnecting", "disconnectTimeout"),
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
    stopped: { type: "final", description: "Is over; its output is the report.", entry: "end" },
  },
  output: ({ context }) => ({
    outcome: outcomeOf(context),
    // equivalent mutant: every arrow into stopping and stopped sets the cause; the default keeps the output total
    reason: context.cause?.reason ?? "shutdown",
    exitCode: context.failures.length > 0 ? (1 as const) : (0 as const),
    ...(context.failures[0] ? { error: context.failures[0] } : {}),
    failures: context.failures,
    phases: context.phases as readonly EndedPhase[],
  }),
} satisfies Parameters<typeof lifecycle.createMachine>[0]);

/** The type of the lifecycle chart. */
export type LifecycleMachine = typeof lifecycleMachine;
/** Where a lifecycle is: `value`, `context`, tags and the lease among its `children`. */
export type LifecycleSnapshot = SnapshotFrom<LifecycleMachine>;
/** A running lifecycle. */
export type LifecycleActor = ActorRefFrom<LifecycleMachine>;
