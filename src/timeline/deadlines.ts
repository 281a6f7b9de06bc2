/** Until when each phase of a run had to end, from the chart and the settings it ran with. */
import type { AnyStateMachine, AnyStateNode } from "xstate";
import type { LifecycleContext, PhaseRecord, StateMeta } from "../../machines/index.ts";
import { lifecycleMachine } from "../../machines/index.ts";
import { timeLimits } from "../../machines/lifecycle.machine.ts";

/** ms from the beginning of a phase, by its whole name */
export type Deadlines = Readonly<Record<string, number>>;

const nodeOf = (phase: string): AnyStateNode | undefined =>
  phase
    .split(".")
    .reduce<AnyStateNode | undefined>((node, key) => node?.states[key], (lifecycleMachine as unknown as AnyStateMachine).root);

/** A delay that is drawn at random counts at its longest. */
const delayMs = (name: string, context: LifecycleContext): number => timeLimits[name as keyof typeof timeLimits](context);

/** The deadlines of those phases that have one; a tier's own phases have none. */
export const deadlinesOf = (records: readonly PhaseRecord[], context: LifecycleContext): Deadlines =>
  Object.fromEntries(
    records.flatMap(({ phase, offsetMs, outcome }) => {
      const name = (nodeOf(phase)?.meta as StateMeta | undefined)?.deadline;
      if (name === undefined || outcome === "skipped") return [];
      return [[phase, delayMs(name, { ...context, now: () => context.constructedAt + offsetMs, random: () => 1 })]];
    }),
  );
