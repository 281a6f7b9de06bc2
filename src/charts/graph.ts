/** A machine as plain states and arrows, read from its StateNode tree, so that a picture cannot differ from the machine that runs. */
import type { AnyStateMachine, AnyStateNode } from "xstate";

export interface ChartState {
  /** `lifecycle.pinging.attempt` */
  readonly id: string;
  readonly name: string;
  /** one sentence: what happens in it */
  readonly description: string | undefined;
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history";
  /** the id of the initial child */
  readonly initial: string | undefined;
  readonly tags: readonly string[];
  readonly invokes: readonly string[];
  readonly parent: ChartState | undefined;
  readonly children: readonly ChartState[];
}

export type Kind = "command" | "fact" | "done" | "error" | "deadline" | "always";

export interface Arrow {
  readonly id: string;
  readonly source: string;
  /** the event's type; empty for an `always` arrow */
  readonly event: string;
  /** the source itself for an arrow that leaves no state */
  readonly target: string;
  readonly guard: string | undefined;
  readonly kind: Kind;
  /** runs actions and leaves no state */
  readonly isInternal: boolean;
}

/** A child that spans states: `from` is the first state that may begin it, `to` the last that ends it. */
export interface SpawnedChild {
  readonly id: string;
  readonly description: string | undefined;
  readonly states: readonly string[];
  readonly from: string;
  readonly to: string;
}

export interface Chart {
  readonly root: ChartState;
  /** all but the root, depth first, in the order of the chart */
  readonly states: readonly ChartState[];
  readonly arrows: readonly Arrow[];
  readonly children: readonly SpawnedChild[];
}

/** The id of an arrow: it marks the arrow in a picture and finds it again for a transition. */
export const arrowId = (source: string, event: string, target: string | undefined): string =>
  `${source}|${event}|${target ?? source}`;

/** The name of an action or guard, written as a string or as an object. */
export const nameOf = (part: unknown): string =>
  typeof part === "string" ? part : String((part as { type?: unknown } | undefined)?.type ?? "inline");

const kindOf = (event: string): Kind => {
  if (event === "") return "always";
  if (event.startsWith("xstate.done.")) return "done";
  if (event.startsWith("xstate.error.")) return "error";
  if (event.startsWith("xstate.after.")) return "deadline";
  return event.includes(".") ? "fact" : "command";
};

interface Transition {
  readonly eventType: string;
  readonly target?: readonly AnyStateNode[];
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
}

const transitionsOf = (node: AnyStateNode): Transition[] =>
  ([...node.transitions.values(), node.always ?? []] as unknown as Transition[][]).flat();
const nodesOf = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap((child) => nodesOf(child as AnyStateNode)),
];

/** A transition without a target and actions forbids its event, so it is no arrow. */
const arrowsOf = (node: AnyStateNode): Arrow[] =>
  transitionsOf(node)
    .filter(({ target, actions }) => target !== undefined || actions.length > 0)
    .map(({ eventType: event, target, guard }) => ({
      id: arrowId(node.id, event, target?.[0]?.id),
      source: node.id,
      event,
      target: target?.[0]?.id ?? node.id,
      guard: guard === undefined ? undefined : nameOf(guard),
      kind: kindOf(event),
      isInternal: target === undefined,
    }));

const stateOf = (node: AnyStateNode, parent: ChartState | undefined): ChartState => {
  const children: ChartState[] = [];
  const initial = node.type === "compound" ? node.initial.target[0]?.id : undefined;
  const invokes = node.invoke.map(({ src, id }) => (typeof src === "string" ? src : id));
  const state: ChartState = {
    id: node.id,
    name: node.key,
    description: node.description,
    type: node.type,
    initial,
    tags: [...node.tags],
    invokes,
    parent,
    children,
  };
  children.push(...Object.values(node.states).map((child) => stateOf(child as AnyStateNode, state)));
  return state;
};

interface ChildAction {
  readonly type?: string;
  readonly id?: string;
  readonly actorRef?: string;
}

const childrenOf = (machine: AnyStateMachine): SpawnedChild[] => {
  const { actions, actors } = machine.implementations as unknown as {
    actions: Record<string, ChildAction | undefined>;
    /** those that are not machines have no states */
    actors: Record<string, Partial<AnyStateMachine> | undefined>;
  };
  const nodes = nodesOf(machine.root as AnyStateNode);
  const isAmong = (names: readonly unknown[], type: string, id?: string) =>
    names
      .map((name) => actions[nameOf(name)])
      .find((action) => action?.type === type && (id === undefined || action.actorRef === id));
  const lastEnd = (id: string) =>
    nodes.findLast(({ entry, exit }) => isAmong([...entry, ...exit], "xstate.stopChild", id) !== undefined);
  const spawned = nodes.flatMap((node) => {
    const into = nodes.flatMap(transitionsOf).filter(({ target }) => target?.[0] === node);
    const child = isAmong([...node.entry, ...into.flatMap((transition) => transition.actions)], "xstate.spawnChild");
    return child?.id === undefined ? [] : [{ id: child.id, from: node.id }];
  });
  return [...new Set(spawned.map(({ id }) => id))].flatMap((id) => {
    const [from, to] = [spawned.find((child) => child.id === id)!.from, lastEnd(id)?.id];
    const [description, states] = [actors[id]?.root?.description, Object.keys(actors[id]?.states ?? {})];
    return to === undefined ? [] : [{ id, description, states, from, to }];
  });
};

const below = (state: ChartState): ChartState[] => state.children.flatMap((child) => [child, ...below(child)]);

export const chartOf = (machine: AnyStateMachine): Chart => {
  const root = stateOf(machine.root as AnyStateNode, undefined);
  const arrows = nodesOf(machine.root as AnyStateNode).flatMap(arrowsOf);
  return { root, states: below(root), arrows, children: childrenOf(machine) };
};
