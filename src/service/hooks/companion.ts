/** A chart that a hook has spawned beside itself, from there to its end. */
import type { AnyActorRef } from "xstate";
import { toPromise } from "xstate";
import { companionId } from "../../../machines/companion.ts";
import type { Companion, CompanionOutput, LifecycleActor } from "../../../machines/index.ts";

/**
 * Spawns a chart as a child of the service's; undefined where that is over. `count` is its number among those of the service. The
 * actor is noted as it is created: a chart that ends or fails as it starts is no child any more when the event has been taken.
 */
export const spawnUnder = async (
  service: LifecycleActor,
  companion: Companion,
  count: number,
): Promise<AnyActorRef | undefined> => {
  const id = companionId(companion.name, count);
  let spawned: AnyActorRef | undefined;
  const creation = service.system.inspect((event) => {
    const actor = event.actorRef as AnyActorRef;
    if (actor.id === id) spawned ??= actor;
  });
  service.send({ type: "companion.spawn", companion, count });
  // sent within a transition, the event is queued until that is over
  await Promise.resolve();
  creation.unsubscribe();
  return spawned;
};

/** Resolves when the chart has ended, also by being stopped; rejects with its failure. */
export const companionEnded = async (companion: AnyActorRef): Promise<void> => {
  const output = (await toPromise(companion)) as CompanionOutput | undefined;
  if (output?.failure !== undefined) throw output.failure.error;
};
