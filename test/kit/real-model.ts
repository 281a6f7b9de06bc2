/** The lifecycle chart as a model of the real system: it follows the lease too, so that it offers only events that can happen. */
import { assign } from "xstate";
import type { LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { statePath } from "../../machines/index.ts";
import { silentLifecycle } from "../../src/flight/drive.ts";
import type { Model, ModelEvent, TierParts } from "./model.ts";
import { companionPayloads, isDrainHookOpen, isLeaseBroken, lifecycleModel } from "./model.ts";

/** What the lifecycle knows of its lease: `asked` is before the first answer; a regained lease is held. */
export type FollowedLease = "none" | "broken" | "asked" | "held" | "suspect" | "lost";

const leaseAfter: Readonly<Record<string, FollowedLease>> = {
  "lease.held": "held",
  "lease.regained": "held",
  "lease.suspect": "suspect",
  "lease.lost": "lost",
};

type Followed = { readonly event: ModelEvent; readonly context: { readonly followed?: FollowedLease } };
/** the other facts leave it as it is */
const follow = ({ event, context }: Followed) => ({ followed: leaseAfter[event.type] ?? context.followed });

const following = silentLifecycle.provide({
  actions: { report: assign(follow as never) as never },
});

export const leaseOf = (snapshot: LifecycleSnapshot): FollowedLease =>
  isLeaseBroken(snapshot)
    ? "broken"
    : snapshot.context.isLeaseAlive
      ? ((snapshot.context as { followed?: FollowedLease }).followed ?? "asked")
      : "none";

/** Whether `onStart`, `run` or `onDrain` goes on after its state was left; if not, the drain is over as soon as it begins. */
export const hasWorkInFlight = (snapshot: LifecycleSnapshot): boolean => isDrainHookOpen(snapshot) || hasWorkOnItsOwn(snapshot);

const hasWorkOnItsOwn = ({ context }: LifecycleSnapshot): boolean =>
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

/** The model offers only events that the real system can cause, but for those of `isForced`. */
export const realModel = (settings: Partial<LifecycleSettings>, parts: TierParts = {}): Model<LifecycleSnapshot> => {
  const base = lifecycleModel(settings, parts);
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
      ...companionPayloads,
      "lease.*": only({ type: "lease.suspect", reason: "model" }, leaseIs("held")),
      "lease.held": only({ type: "lease.held" }, leaseIs("asked", "suspect")),
      "lease.lost": only({ type: "lease.lost", reason: "model" }, leaseIs("asked", "held", "suspect")),
      "lease.regained": only({ type: "lease.regained" }, leaseIs("lost")),
      "lease.superseded": only({ type: "lease.superseded", twin }, ({ context }) => context.isLeaseAlive),
      "lease.released": only({ type: "lease.released" }, isDeregistering),
      "lease.abandoned": only({ type: "lease.abandoned", reason: "model" }, isDeregistering),
      "xstate.error.actor.lease": only({ type: "xstate.error.actor.lease", error }, ({ context }) => context.isLeaseAlive),
      "error.late": inFlightOnly({ type: "error.late", error }),
      "hook.failed": only(
        { type: "hook.failed", failure: { phase: "running", code: "SG_ERR_RUN_FAILED", message: "late" } },
        (snapshot) => at("stopping.")(snapshot) && !passesDraining(snapshot),
      ),
      // a runner sends it as onStart ends: there it is sent beforehand, by hand, so that both know of it
      "drain.owed": base.payloads["drain.owed"]!,
      "xstate.done.actor.startTier": only(
        { type: "xstate.done.actor.startTier" },
        ({ context }) => context.begun.drain || !parts.hasOnDrain,
      ),
      "xstate.done.actor.announceTier": only({ type: "xstate.done.actor.announceTier" }, isDrainHookOpen),
      "xstate.error.actor.announceTier": only({ type: "xstate.error.actor.announceTier", error }, isDrainHookOpen),
      "release.owed": only(
        { type: "release.owed" },
        (snapshot) => snapshot.context.begun.tier && !at("stopping.disconnecting")(snapshot) && !passesDraining(snapshot),
      ),
      "phase.began": only({ type: "phase.began", phase: "starting.tools" }, namesPhases),
      "phase.ended": only({ type: "phase.ended", phase: "starting.tools", outcome: "done" }, namesPhases),
    },
  };
};

/** Events that no real part causes: they are sent to the chart by hand, so that their arrows are taken too. */
export const isForced = (before: LifecycleSnapshot, { type }: ModelEvent): boolean =>
  type === "xstate.error.actor.drainTier" ||
  type === "xstate.error.actor.releaseTier" ||
  type === "hook.failed" ||
  type === "drain.owed" ||
  (type === "lease.superseded" && isDeregistering(before));
