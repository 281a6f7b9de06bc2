/**
 * The lifecycle chart with its actors provided, once for the process: `provide()` parses the chart again, which costs more than
 * a whole service. Each actor finds its own service by the actor system it runs in.
 */
import type { PromiseActorLogic } from "xstate";
import { fromPromise } from "xstate";
import type { LeaseAnswer, LeaseWrite, ReleaseWork } from "../../../machines/index.ts";
import { leaseMachine } from "../../../machines/lease.machine.ts";
import { lifecycleMachine } from "../../../machines/lifecycle.machine.ts";

/** What the chart asks for, and what it gets. */
export interface Performances {
  pingRedis(signal: AbortSignal): Promise<void>;
  startTier(signal: AbortSignal): Promise<void>;
  registerInstance(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer>;
  renewLease(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer>;
  openHealth(signal: AbortSignal): Promise<void>;
  runTier(signal: AbortSignal): Promise<void>;
  closeHealth(signal: AbortSignal): Promise<void>;
  deregisterInstance(signal: AbortSignal): Promise<void>;
  drainTier(signal: AbortSignal): Promise<void>;
  stopTier(signal: AbortSignal): Promise<void>;
  releaseTier(signal: AbortSignal, work: ReleaseWork): Promise<void>;
  closeRedis(signal: AbortSignal): Promise<void>;
}

const performers = new WeakMap<object, Performances>();

/** Names who performs for the services of an actor system. */
export const performFor = (system: object, performer: Performances): void => {
  performers.set(system, performer);
};

const simple = (name: Exclude<keyof Performances, "registerInstance" | "renewLease" | "releaseTier">): PromiseActorLogic<void> =>
  fromPromise<void>(({ signal, system }) => performers.get(system)![name](signal));

const writing = (name: "registerInstance" | "renewLease"): PromiseActorLogic<LeaseAnswer, LeaseWrite> =>
  fromPromise<LeaseAnswer, LeaseWrite>(({ input, signal, system }) => performers.get(system)![name](signal, input));

export const providedLifecycle = lifecycleMachine.provide({
  actors: {
    pingRedis: simple("pingRedis"),
    startTier: simple("startTier"),
    openHealth: simple("openHealth"),
    runTier: simple("runTier"),
    closeHealth: simple("closeHealth"),
    drainTier: simple("drainTier"),
    stopTier: simple("stopTier"),
    releaseTier: fromPromise<void, ReleaseWork>(({ input, signal, system }) =>
      performers.get(system)!.releaseTier(signal, input),
    ),
    closeRedis: simple("closeRedis"),
    lease: leaseMachine.provide({
      actors: {
        registerInstance: writing("registerInstance"),
        renewLease: writing("renewLease"),
        deregisterInstance: simple("deregisterInstance"),
      },
    }),
  },
});
