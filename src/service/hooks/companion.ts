/** A chart that a hook has spawned beside itself, from there to its end. */
import type { AnyActorRef } from "xstate";
import { toPromise } from "xstate";
import type { CompanionOutput } from "../../../machines/index.ts";

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
