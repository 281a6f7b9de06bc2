/** A chart as Mermaid's stateDiagram-v2, which code hosts draw in a README. */
import type { Chart, ChartState } from "./graph.ts";
import { bundlesOf } from "./words.ts";

/** Mermaid knows a state by one word. */
const wordOf = (id: string): string => id.replaceAll(/\W/g, "_");

const statesOf = (state: ChartState, indent: string): string[] => {
  const name = `${indent}state "${state.name}" as ${wordOf(state.id)}`;
  if (state.children.length === 0) return [name];
  const initial = state.initial === undefined ? [] : [`${indent}  [*] --> ${wordOf(state.initial)}`];
  return [`${name} {`, ...initial, ...state.children.flatMap((child) => statesOf(child, `${indent}  `)), `${indent}}`];
};

/** What starts from everywhere starts from a state of its own: Mermaid has no arrow out of the whole diagram. */
const anyState = ({ root }: Chart, sources: readonly string[]): string[] =>
  sources.includes(root.id) ? [`  state "any state" as ${wordOf(root.id)}`] : [];

export const mermaidOf = (chart: Chart): string => {
  const { root, states } = chart;
  const bundles = bundlesOf(chart);
  const arrows = bundles.map(({ source, target, words }) => {
    const label = words.map(({ text, guard }) => [text, guard].filter(Boolean).join(" ")).join(" / ");
    return `  ${wordOf(source)} --> ${wordOf(target)}${label === "" ? "" : `: ${label}`}`;
  });
  const ends = states
    .filter(({ type, parent }) => type === "final" && parent === root)
    .map(({ id }) => `  ${wordOf(id)} --> [*]`);
  return [
    "stateDiagram-v2",
    `  [*] --> ${wordOf(root.initial!)}`,
    ...root.children.flatMap((child) => statesOf(child, "  ")),
    ...anyState(
      chart,
      bundles.map(({ source }) => source),
    ),
    ...arrows,
    ...ends,
    "",
  ].join("\n");
};
