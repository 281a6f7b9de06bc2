/**
 * A chart as data that a page runs without XState: each innermost state with what it does on entry, its arrows and its delays. The
 * arrows of the states around it are among its own. For charts whose states have no exit actions, no children and no parallel regions.
 */
import type { AnyStateMachine, AnyStateNode } from "xstate";
import { nameOf } from "./graph.ts";

/** An arrow: it is taken if the guard holds. Without a target it stays in its state, which is not entered again. */
export interface TableArrow {
  readonly guard?: string;
  readonly target?: string;
  readonly actions?: readonly string[];
}

export interface TableState {
  readonly entry: readonly string[];
  readonly on: Readonly<Record<string, readonly TableArrow[]>>;
  /** by the name of the delay */
  readonly after: Readonly<Record<string, readonly TableArrow[]>>;
  readonly isFinal: boolean;
}

export interface ChartTable {
  readonly initial: string;
  /** by the path: `live.quiet` */
  readonly states: Readonly<Record<string, TableState>>;
}

interface Transition {
  readonly eventType: string;
  readonly target?: readonly AnyStateNode[];
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
}

const pathOf = (node: AnyStateNode): string => node.path.join(".");
const leafOf = (node: AnyStateNode): AnyStateNode => (node.type === "compound" ? leafOf(node.initial.target[0]!) : node);
const around = (node: AnyStateNode): AnyStateNode[] => [node, ...(node.parent === undefined ? [] : around(node.parent))];
const leaves = (node: AnyStateNode): AnyStateNode[] =>
  node.type === "compound" ? Object.values(node.states).flatMap((child) => leaves(child as AnyStateNode)) : [node];

const arrowOf = ({ target, guard, actions }: Transition): TableArrow => ({
  ...(guard === undefined ? {} : { guard: nameOf(guard) }),
  ...(target === undefined ? {} : { target: pathOf(leafOf(target[0]!)) }),
  ...(actions.length === 0 ? {} : { actions: actions.map(nameOf) }),
});

const after = /^xstate\.after\.([^.]+)\./;

const stateOf = (leaf: AnyStateNode): TableState => {
  const [on, delayed] = [new Map<string, TableArrow[]>(), new Map<string, TableArrow[]>()];
  for (const node of around(leaf))
    for (const [event, transitions] of node.transitions as Map<string, Transition[]>) {
      const delay = after.exec(event)?.[1];
      const [arrows, name] = delay === undefined ? [on, event] : [delayed, delay];
      arrows.set(name, [...(arrows.get(name) ?? []), ...transitions.map(arrowOf)]);
    }
  const named = (actions: readonly unknown[]) => actions.map(nameOf).filter((name) => !name.startsWith("xstate."));
  return {
    entry: named(leaf.entry),
    on: Object.fromEntries(on),
    after: Object.fromEntries(delayed),
    isFinal: leaf.type === "final",
  };
};

export const tableOf = (machine: AnyStateMachine): ChartTable => ({
  initial: pathOf(leafOf(machine.root)),
  states: Object.fromEntries(leaves(machine.root).map((leaf) => [pathOf(leaf), stateOf(leaf)])),
});
