/** The chart's actor as a service exposes it: read-only. */
import type { InspectionEvent, Observer, Subscription } from "xstate";
import type { LifecycleSnapshot } from "../../machines/index.ts";
import type { ServiceHost } from "./host.ts";

/** The chart's actor, read-only. What an observer or an inspector throws is logged and reaches nothing else. */
export interface ServiceActor {
  /** The current snapshot. Legal in any state; waits for nothing. */
  getSnapshot(): LifecycleSnapshot;
  /** Calls the observer after each transition, from now on, behind the probes and the fact listeners. */
  subscribe(observer: ((snapshot: LifecycleSnapshot) => void) | Partial<Observer<LifecycleSnapshot>>): Subscription;
  /** XState's inspection events of the service and its lease, from now on. Costs nothing without an inspector. */
  inspect(listener: (event: InspectionEvent) => void): Subscription;
}

/** The actor of a host, without its commands. */
export const readOnlyActor = (host: ServiceHost): ServiceActor => ({
  getSnapshot: () => host.snapshot,
  subscribe: (observer) => host.subscribe(typeof observer === "function" ? { next: observer } : observer),
  inspect: (listener) => host.inspect(listener),
});
