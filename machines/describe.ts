/** Readers of a chart's states: what happens there, what the chart waits for, and its deadline. Pure, and for every chart. */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from "xstate";

/** How well the machine is in a state, for a reader's eye. A state without a tone is neutral. */
export type Tone = "good" | "caution" | "bad";

/** The `meta` of a state. */
export interface StateMeta<Context = never> {
  /** what the chart waits for there: "the tier's onStart"; left out where it waits for nothing */
  readonly waitsFor?: string;
  /** what the context adds to that: "attempt 2 of 3" */
  readonly detail?: (context: Context) => string | undefined;
  /** the name of the delay after which the wait ends by itself */
  readonly deadline?: string;
  /** of a top-level state */
  readonly tone?: Tone;
}

/** A top-level state, for a reader that has no snapshot. */
export interface StateWords {
  readonly name: string;
  /** what happens there, in one sentence */
  readonly description: string;
  readonly tone: Tone | "neutral";
  /** whether the machine is on its way to its end there, or has ended */
  readonly isEnding: boolean;
}

/** The longest that a state lasts by its own deadline, in ms from entering it. */
export interface StateDeadline {
  /** the delay's name in the chart: `startTimeout` */
  readonly name: string;
  readonly ms: number;
}

const metaOf = (node: AnyStateNode): StateMeta => (node.meta ?? {}) as StateMeta;

/** The active states, innermost first. */
const activeNodes = (snapshot: AnyMachineSnapshot): AnyStateNode[] =>
  ([...snapshot._nodes] as AnyStateNode[]).sort((a, b) => b.path.length - a.path.length);

/** What happens in the present state, in one sentence; empty where the chart has no description of it. */
export const descriptionOf = (snapshot: AnyMachineSnapshot): string =>
  activeNodes(snapshot).find(({ description }) => description !== undefined)?.description ?? "";

/** What the chart waits for: `Redis to answer PING, attempt 2 of 3`; empty where it waits for nothing. */
export const waitsForOf = (snapshot: AnyMachineSnapshot): string => {
  const node = activeNodes(snapshot).find((active) => metaOf(active).waitsFor !== undefined);
  if (node === undefined) return "";
  // equivalent mutant ("Stryker was here!"): the node was found by its waitsFor; only the type allows undefined
  const { waitsFor = "", detail } = metaOf(node);
  const more = detail?.(snapshot.context as never);
  return more === undefined ? waitsFor : `${waitsFor}, ${more}`;
};

/** The top-level states, in the order of the chart. */
export const statesOf = (machine: AnyStateMachine): readonly StateWords[] =>
  Object.values(machine.states as Record<string, AnyStateNode>).map((node) => ({
    name: node.key,
    description: node.description ?? "",
    tone: metaOf(node).tone ?? "neutral",
    isEnding: node.type === "final" || node.tags.includes("ending"),
  }));

/** The states along that path (`pinging.attempt`), outermost first; those that the chart does not have are left out. */
const nodesAt = (machine: AnyStateMachine, path: string): AnyStateNode[] => {
  const nodes: AnyStateNode[] = [machine.root];
  for (const key of path.split(".")) {
    const { states } = nodes.at(-1)!;
    if (!Object.hasOwn(states, key)) break;
    nodes.push(states[key]!);
  }
  return nodes;
};

/** What the chart waits for in the state at that path (`pinging.attempt`), for a reader that has no snapshot; empty if nothing. */
export const waitsForAt = (machine: AnyStateMachine, path: string): string =>
  // equivalent mutant (OptionalChaining): the node was found by its meta; only the type allows undefined
  nodesAt(machine, path).findLast((node) => metaOf(node).waitsFor !== undefined)?.meta?.waitsFor ?? "";

/** The tags of the state at that path, for a reader that has no snapshot. */
export const tagsAt = (machine: AnyStateMachine, path: string): readonly string[] =>
  nodesAt(machine, path).flatMap(({ tags }) => tags);

/**
 * The deadline of the innermost active state that has one. A delay that is drawn at random counts at its longest. `since` is when
 * the state was entered, in ms by the machine's clock; without it, delays that depend on the time are those of now.
 */
export const deadlineOf = (snapshot: AnyMachineSnapshot, since?: number): StateDeadline | undefined => {
  const name = activeNodes(snapshot)
    .map((node) => metaOf(node).deadline)
    .find((deadline) => deadline !== undefined);
  return name === undefined ? undefined : { name, ms: delayMs(snapshot, name, since) };
};

const delayMs = (snapshot: AnyMachineSnapshot, name: string, since: number | undefined): number => {
  const delay: unknown = snapshot.machine.implementations.delays[name];
  if (typeof delay !== "function") return Number(delay ?? 0);
  const context = { ...snapshot.context, random: () => 1, ...(since === undefined ? {} : { now: () => since }) };
  return Number(delay({ context }, undefined));
};
