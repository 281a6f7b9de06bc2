/** A chart that a hook has spawned beside itself, from there to its end. */
import type { AnyActorRef } from "xstate";
import { toPromise } from "xstate";
import { companionId } from "../../../machines/companion.ts";
import type { Companion, CompanionOutput, LifecycleActor } from "../../../machines/index.ts";

/** Spawns a chart as a child of the service's; undefined where that is over. `count` is its number among those of the service. */
export const spawnUnder = async (
  service: LifecycleActor,
  companion: Companion,
  count: number,
): Promise<AnyActorRef | undefined> => {
  service.send({ type: "companion.spawn", companion, count });
  // sent within a transition, the event is queued until that is over
  await Promise.resolve();
  const { children } = service.getSnapshot();
  return (children as Readonly<Record<string, AnyActorRef>>)[companionId(companion.name, count)];
};

/** Asks the chart to end when `signal` aborts. Resolves when it has ended, also by being stopped; rejects with its failure. */
export const companionEnded = async (companion: AnyActorRef, signal: AbortSignal): Promise<void> => {
  const resign = (): void => companion.send({ type: "resign" });
  if (signal.aborted) resign();
  signal.addEventListener("abort", resign, { once: true });
  try {
    const output = (await toPromise(companion)) as CompanionOutput | undefined;
    if (output?.failure !== undefined) throw output.failure.error;
  } finally {
    signal.removeEventListener("abort", resign);
  }
};
