/** The lifecycle chart as a model of the real system: it follows the lease too, so that only what can happen is asked for. */
import type { AnyMachineSnapshot } from "xstate";
import { assign, initialTransition, transition } from "xstate";
import { TestModel } from "xstate/graph";
import type { LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { statePath } from "../../machines/index.ts";
import { silentLifecycle } from "../../src/flight/drive.ts";
import type { Model, ModelEvent } from "./model.ts";
import { eventName, lifecycleModel, traversal } from "./model.ts";

/** What the lifecycle has heard of its lease: `asked` is before the first answer; a regained lease is held. */
export type FollowedLease = "none" | "asked" | "held" | "suspect" | "lost";

const heard: Readonly<Record<string, FollowedLease>> = {
  "lease.held": "held",
  "lease.regained": "held",
  "lease.suspect": "suspect",
  "lease.lost": "lost",
};

const following = silentLifecycle.provide({
  actions: { report: assign((({ event }: { event: ModelEvent }) => ({ followed: heard[event.type] })) as never) as never },
});

export const leaseOf = ({ context }: LifecycleSnapshot): FollowedLease =>
  context.begun.lease ? ((context as { followed?: FollowedLease }).followed ?? "asked") : "none";

/** Whether `onStart` or `run` goes on after its state was left; if not, the drain is over as soon as it begins. */
export const hasWorkInFlight = ({ context }: LifecycleSnapshot): boolean =>
  context.begun.tier &&
  !["run returned", "run failed", "onStart failed"].includes(context.cause?.reason ?? "") &&
  ["starting", "running"].includes(context.phases.findLast(({ phase }) => !phase.startsWith("stopping"))?.phase ?? "");

const twin = { host: "elsewhere", pid: 1 };
const only = (event: ModelEvent, when: (snapshot: LifecycleSnapshot) => boolean) => (snapshot: LifecycleSnapshot) =>
  when(snapshot) ? [event] : [];
const at =
  (...paths: string[]) =>
  (snapshot: LifecycleSnapshot) =>
    paths.some((path) => statePath(snapshot).startsWith(path));
const isDeregistering = at("stopping.deregistering");
const passesDraining = (snapshot: LifecycleSnapshot) => at("stopping.draining")(snapshot) && !hasWorkInFlight(snapshot);
const leaseIs =
  (...states: FollowedLease[]) =>
  (snapshot: LifecycleSnapshot) =>
    states.includes(leaseOf(snapshot)) && !isDeregistering(snapshot);
const inFlightOnly = (event: ModelEvent) => only(event, (snapshot) => !passesDraining(snapshot));
const withRedis = (event: ModelEvent) => only(event, ({ context }) => context.settings.hasRedis);
const error = new Error("model");

/** A tier may name a phase from `onStart` on, until its signal aborts, and again in `onStop`. */
const mayNamePhases = at(
  "starting",
  "registering",
  "healthy",
  "running",
  "stopping.announcing",
  "stopping.closing",
  "stopping.deregistering",
  "stopping.unwinding",
);
const namesPhases = (snapshot: LifecycleSnapshot) => snapshot.context.begun.tier && mayNamePhases(snapshot);

/** Nothing is asked of it that the real system cannot do, but for what `forced` below names. */
export const realModel = (settings: Partial<LifecycleSettings>): Model<LifecycleSnapshot> => {
  const base = lifecycleModel(settings);
  const attempts = (snapshot: LifecycleSnapshot) => (at("pinging")(snapshot) ? snapshot.context.attempt : 0);
  return {
    machine: following,
    input: base.input,
    key: (snapshot) => [
      snapshot.value,
      snapshot.context.begun,
      attempts(snapshot),
      leaseOf(snapshot),
      snapshot.context.degraded,
      at("stopping")(snapshot) && hasWorkInFlight(snapshot),
    ],
    place: (snapshot) => `${statePath(snapshot)}, lease ${leaseOf(snapshot)}, port ${snapshot.context.begun.open}`,
    payloads: {
      shutdown: () => [{ type: "shutdown", reason: "model" }],
      "xstate.error.actor.pingRedis": withRedis({ type: "xstate.error.actor.pingRedis", error }),
      "xstate.after.pingTimeout.lifecycle.pinging.attempt": withRedis({
        type: "xstate.after.pingTimeout.lifecycle.pinging.attempt",
      }),
      "xstate.error.actor.drainTier": inFlightOnly({ type: "xstate.error.actor.drainTier", error }),
      "xstate.after.drainTimeout.lifecycle.stopping.draining": inFlightOnly({
        type: "xstate.after.drainTimeout.lifecycle.stopping.draining",
      }),
      "lease.*": only({ type: "lease.suspect", reason: "model" }, leaseIs("held")),
      "lease.held": only({ type: "lease.held" }, leaseIs("asked", "suspect")),
      "lease.lost": only({ type: "lease.lost", reason: "model" }, leaseIs("asked", "held", "suspect")),
      "lease.regained": only({ type: "lease.regained" }, leaseIs("lost")),
      "lease.superseded": only({ type: "lease.superseded", twin }, ({ context }) => context.begun.lease),
      "lease.released": only({ type: "lease.released" }, isDeregistering),
      "lease.abandoned": only({ type: "lease.abandoned", reason: "model" }, isDeregistering),
      "xstate.error.actor.lease": only({ type: "xstate.error.actor.lease", error }, ({ context }) => context.begun.lease),
      "hook.failed": only(
        { type: "hook.failed", failure: { phase: "stopping", code: "SG_ERR_FAILED", message: "late" } },
        (snapshot) => at("stopping.")(snapshot) && !passesDraining(snapshot),
      ),
      "release.owed": only(
        { type: "release.owed" },
        (snapshot) => snapshot.context.begun.tier && !at("stopping.disconnecting")(snapshot) && !passesDraining(snapshot),
      ),
      "phase.began": only({ type: "phase.began", phase: "starting.tools" }, namesPhases),
      "phase.ended": only({ type: "phase.ended", phase: "starting.tools", outcome: "done" }, namesPhases),
    },
  };
};

/** What the real parts never do: these events are sent to the chart by hand, so that their arrows are taken all the same. */
export const isForced = (before: LifecycleSnapshot, { type }: ModelEvent): boolean =>
  type === "xstate.error.actor.drainTier" ||
  type === "xstate.error.actor.releaseTier" ||
  (type === "lease.superseded" && isDeregistering(before));

interface ModelStep {
  readonly event: ModelEvent;
  readonly before: AnyMachineSnapshot;
  readonly state: AnyMachineSnapshot;
}

/** The states that the model comes to. */
const stepsOf = (model: Model, events: readonly ModelEvent[]): ModelStep[] => {
  let [state] = initialTransition(model.machine, model.input);
  return events.map((event) => {
    const before = state;
    [state] = transition(model.machine, state, event as never);
    return { event, before, state };
  });
};

export interface Walker<S> {
  exec(before: S, event: ModelEvent): Promise<void>;
  check(state: S): Promise<void>;
}

/** Has a system do each event, and be compared with the model's state after it. A failure tells the events. */
export const walkThrough = async <S extends AnyMachineSnapshot>(
  model: Model<S>,
  events: readonly ModelEvent[],
  { exec, check }: Walker<S>,
): Promise<void> => {
  const options = { ...(traversal(model as Model, true) as object), stateMatcher: () => true };
  const testModel = new TestModel(model.machine as never, options as never);
  const steps = stepsOf(model as Model, events);
  const does = ({ before, event }: ModelStep) => exec(before as S, event);
  const named = new Proxy({}, { get: () => does });
  const path = { steps, state: steps.at(-1)?.state, weight: steps.length };
  try {
    await testModel.testPath(path as never, { events: named, states: { "*": (state: unknown) => check(state as S) } } as never);
  } catch (error) {
    const [message] = String((error as Error).message).split("\nPath:");
    throw new Error(`${events.map(eventName).join(" > ")}\n${message}`, { cause: error });
  }
};
