/**
 * The one table of effects: what each actor of the charts does. The charts are provided with it once for the process, since
 * `provide()` parses a chart again, which costs more than a whole service. An effect finds its service by its actor system.
 */
import type { NonReducibleUnknown, PromiseActorLogic } from "xstate";
import { fromPromise } from "xstate";
import type { LeaseAnswer, LeaseWrite, ReleaseWork } from "../../../machines/index.ts";
import { leaseMachine } from "../../../machines/lease.machine.ts";
import { lifecycleMachine } from "../../../machines/lifecycle.machine.ts";
import type { Waiting } from "../../until.ts";
import type { HookRunner } from "../hooks/hooks.ts";
import type { Resources } from "./resources.ts";

/** What the effects of one service work on. */
export interface ServiceParts {
  readonly hooks: HookRunner;
  readonly resources: Resources;
}

const partsOf = new WeakMap<object, ServiceParts>();

/** Has the effects of an actor system work on these parts. */
export const bindEffects = (system: object, parts: ServiceParts): void => {
  partsOf.set(system, parts);
};

/** The signal aborts when the chart leaves the state that invoked the effect. */
const effect = <Output = void, Input = NonReducibleUnknown>(
  run: (parts: ServiceParts, waiting: Waiting, input: Input) => Promise<Output>,
): PromiseActorLogic<Output, Input> =>
  fromPromise<Output, Input>(({ input, signal, system }) => run(partsOf.get(system)!, { signal }, input));

export const providedLifecycle = lifecycleMachine.provide({
  actors: {
    pingRedis: effect(({ resources }, waiting) => resources.pingRedis(waiting)),
    startTier: effect(({ hooks }, waiting) => hooks.start(waiting)),
    openHealth: effect(({ resources }, waiting) => resources.openHealth(waiting)),
    runTier: effect(({ hooks }, waiting) => hooks.run(waiting)),
    announceTier: effect(({ hooks }, waiting) => hooks.announce(waiting)),
    closeHealth: effect(({ resources }, waiting) => resources.closeHealth(waiting)),
    drainTier: effect(({ hooks }) => hooks.drain()),
    stopTier: effect(({ hooks }, waiting) => hooks.stop(waiting)),
    releaseTier: effect<void, ReleaseWork>(({ hooks }, waiting, work) => hooks.release(work, waiting)),
    closeRedis: effect(({ hooks, resources }, waiting) => {
      hooks.endReleases();
      return resources.close(waiting);
    }),
    lease: leaseMachine.provide({
      actors: {
        registerInstance: effect<LeaseAnswer, LeaseWrite>(({ resources }, waiting, write) =>
          resources.entry.register(write, waiting),
        ),
        renewLease: effect<LeaseAnswer, LeaseWrite>(({ resources }, waiting, write) => resources.entry.renew(write, waiting)),
        deregisterInstance: effect(({ resources }, waiting) => resources.entry.deregister(waiting)),
      },
    }),
  },
});
