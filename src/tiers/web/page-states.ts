/** The states of a service as the page shows them: read off the chart, so that no page has a list of its own. */
import type { AnyStateNode } from "xstate";
import { lifecycleMachine, statesOf, takesWork } from "../../../machines/index.ts";
import { lifePartOf, stateNames } from "../../../machines/phases.ts";
import type { PageState } from "./wire.ts";

interface Arrow {
  readonly event: string;
  /** the state of the nine that it leads to; empty where it leads nowhere */
  readonly to: string;
}

const arrowsOf = (node: AnyStateNode): readonly Arrow[] => [
  ...[...node.transitions].flatMap(([event, arrows]) => arrows.map(({ target }) => ({ event, to: target?.[0]?.path[0] ?? "" }))),
  ...Object.values(node.states).flatMap(arrowsOf),
];

/** An event as a reader names it: `shutdown`, `after startTimeout`, `error`, `done`. */
const wordOf = (event: string): string => {
  const after = /^xstate\.after\.([^.]+)\./.exec(event)?.[1];
  return after === undefined ? (/^xstate\.(done|error)\./.exec(event)?.[1] ?? event) : `after ${after}`;
};

const exitsOf = (node: AnyStateNode): string[] => {
  const next = stateNames[stateNames.indexOf(node.key as (typeof stateNames)[number]) + 1];
  const leaving = arrowsOf(node).filter(({ to }) => to !== "" && to !== node.key && to !== next);
  return [...new Set(leaving.map(({ event }) => wordOf(event)))];
};

const pageState = (words: ReturnType<typeof statesOf>[number]): PageState => {
  const node = (lifecycleMachine.states as Record<string, AnyStateNode>)[words.name]!;
  const part = lifePartOf(words.name)!;
  return {
    ...words,
    takesWork: takesWork(words.name),
    part,
    isEnding: part === "stop",
    isFinal: node.type === "final",
    steps: Object.keys(node.states),
    exits: exitsOf(node),
  };
};

/** The nine, in the order of the chart. */
export const pageStates: readonly PageState[] = statesOf(lifecycleMachine).map(pageState);
