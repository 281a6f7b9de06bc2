/**
 * The same lives on the bare chart, to compare with: no service, no promises, no registry, no invariants; each actor is a timer.
 * The difference is what a service costs on top of its chart.
 */
import type { AnyActorRef } from "xstate";
import { createActor } from "xstate";
import type { HookFact, LeaseAnswer } from "../../machines/index.ts";
import { leaseMachine, lifecycleMachine, stateName } from "../../machines/index.ts";
import type { Timer } from "./clock.ts";
import { epochMs, VirtualClock } from "./clock.ts";
import type { EffectPlan, HookPlan, InstancePlan, Settings } from "./plan.ts";
import { planOf } from "./plan.ts";
import { Random } from "./random.ts";

interface Actor {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly plan: InstancePlan;
  readonly trouble: number;
}

const cast = new WeakMap<object, Actor>();
const failed = new Error("simulated");
const ok: LeaseAnswer = { type: "ok" };

/** An actor that is a timer: done, failed or hung by plan. `hook` is the hook whose facts it sends to the chart. */
const played = (
  effectOf: (actor: Actor) => EffectPlan,
  { output, hook }: { output?: unknown; hook?: (actor: Actor) => HookPlan } = {},
) => ({
  config: {},
  getInitialSnapshot: () => ({ status: "active", output: undefined, error: undefined, timer: undefined as Timer | undefined }),
  getPersistedSnapshot: (snapshot: unknown) => snapshot,
  start: (snapshot: { timer: Timer | undefined }, { self, system }: { self: AnyActorRef; system: object }) => {
    const actor = cast.get(system)!;
    const { ms, ends } = effectOf(actor);
    for (const fact of hook ? factsOf(hook(actor)) : []) (self as { _parent?: AnyActorRef })._parent?.send(fact);
    if (ms === Infinity) return;
    snapshot.timer = actor.clock.schedule(() => self.send({ type: ends }), ms, "an actor ends");
  },
  transition: (snapshot: { timer: Timer | undefined }, { type }: { type: string }) => {
    if (type === "resolves") return { ...snapshot, status: "done", output };
    if (type === "rejects") return { ...snapshot, status: "error", error: failed };
    if (type !== "xstate.stop") return snapshot;
    if (snapshot.timer) snapshot.timer.fn = undefined;
    return { ...snapshot, status: "stopped" };
  },
});

const factsOf = ({ phases, releases, ends }: HookPlan): HookFact[] =>
  ends === "throws"
    ? []
    : [
        ...releases.map(() => ({ type: "release.owed" as const })),
        ...phases.map((phase) => ({ type: "phase.began" as const, phase })),
        ...phases.map((phase) => ({ type: "phase.ended" as const, phase, outcome: "done" as const })),
      ];

const asEffect = ({ ms, ends }: HookPlan): EffectPlan => ({
  ms: ends === "throws" ? 0 : ms,
  ends: ends === "resolves" ? ends : "rejects",
});
const soon: EffectPlan = { ms: 1, ends: "resolves" };
const write = ({ random, trouble }: Actor): EffectPlan => {
  const ms = random.next() * 10;
  return random.chance(trouble)
    ? random.pick([
        { ms: Infinity, ends: "resolves" },
        { ms, ends: "rejects" },
      ])
    : { ms, ends: "resolves" };
};

const chart = lifecycleMachine.provide({
  actors: {
    pingRedis: played(({ plan }) => plan.pings[0]!),
    startTier: played(({ plan }) => asEffect(plan.onStart), { hook: ({ plan }) => plan.onStart }),
    runTier: played(({ plan }) => asEffect(plan.run), { hook: ({ plan }) => plan.run }),
    stopTier: played(({ plan }) => asEffect(plan.onStop), { hook: ({ plan }) => plan.onStop }),
    openHealth: played(({ plan }) => plan.openHealth),
    closeHealth: played(({ plan }) => plan.closeHealth),
    closeRedis: played(({ plan }) => plan.close),
    drainTier: played(() => soon),
    releaseTier: played(() => soon),
    lease: leaseMachine.provide({
      actors: {
        registerInstance: played(write, { output: ok }),
        renewLease: played(write, { output: ok }),
        deregisterInstance: played(write),
      } as never,
    }),
  } as never,
});

const liveOne = (plan: InstancePlan, settings: Settings, trouble: number): void => {
  const clock = new VirtualClock();
  const random = new Random(plan.seed);
  const timers = {
    setTimeout: (fn: () => void, ms: number) => clock.schedule(fn, ms, "a timer"),
    clearTimeout: (timer: Timer | undefined) => timer && clock.cancel(timer),
  };
  const { redis, useHealthServer, ...times } = settings;
  const actor = createActor(chart, {
    clock: timers as never,
    input: {
      settings: { ...times, hasRedis: redis !== "none", redisRequired: redis === "required", hasHealth: useHealthServer },
      now: () => clock.now,
      epochNow: () => epochMs + clock.now,
      random: random.next,
    },
  });
  cast.set(actor.system, { clock, random, plan, trouble });
  const send = (event: { type: "boot" | "run" } | { type: "shutdown"; reason: string }) => {
    if (actor.getSnapshot().can(event)) actor.send(event);
  };
  actor.subscribe({
    next: (snapshot) => {
      if (stateName(snapshot) === "healthy" && snapshot.hasTag("ready") && plan.call !== "boot") send({ type: "run" });
    },
    error: () => {},
  });
  actor.start();
  if (plan.call !== "never") send({ type: "boot" });
  for (const { at, reason } of plan.shutdowns)
    if (typeof at === "number") clock.schedule(() => send({ type: "shutdown", reason }), at, reason);
  while (actor.getSnapshot().status === "active" && clock.step());
};

/** Lives every instance of a seed, each in a world of its own; returns how many there were. */
export const liveBare = (seed: number): number => {
  const { identities, trouble } = planOf(seed);
  let lifecycles = 0;
  for (const { settings, boots } of identities) {
    for (const plan of boots) {
      liveOne(plan, settings, trouble);
      lifecycles += 1;
    }
  }
  return lifecycles;
};
