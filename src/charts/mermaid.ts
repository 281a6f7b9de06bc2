/** A chart as Mermaid's stateDiagram-v2, which code hosts draw in a README. */
import type { Chart, ChartState } from "./graph.ts";
import { bundlesOf, textOf } from "./words.ts";

/** Mermaid's name of a state is one word. */
const wordOf = (id: string): string => id.replaceAll(/\W/g, "_");

const statesOf = (state: ChartState, indent: string): string[] => {
  const name = `${indent}state "${state.name}" as ${wordOf(state.id)}`;
  return state.children.length === 0 ? [name] : [`${name} {`, ...insideOf(state, `${indent}  `), `${indent}}`];
};

/** The content of a compound. Mermaid separates regions by `--`, and each needs a compound around it. */
const insideOf = ({ type, initial, children }: ChartState, indent: string): string[] => [
  ...(initial === undefined ? [] : [`${indent}[*] --> ${wordOf(initial)}`]),
  ...children.flatMap((child, index) => [
    ...(type === "parallel" && index > 0 ? [`${indent}--`] : []),
    ...statesOf(child, indent),
  ]),
];

/** Mermaid has no regions in the diagram itself: those of a chart stand in a state of its name. */
const contentOf = (root: ChartState): string[] => (root.type === "parallel" ? statesOf(root, "  ") : insideOf(root, "  "));

/** The source of arrows that start in any state: Mermaid has no arrow out of the whole diagram. */
const anyState = ({ root }: Chart, sources: readonly string[]): string[] =>
  sources.includes(root.id) ? [`  state "any state" as ${wordOf(root.id)}`] : [];

export const mermaidOf = (chart: Chart): string => {
  const { root, states } = chart;
  const bundles = bundlesOf(chart);
  const arrows = bundles.map(({ source, target, words }) => {
    const label = words.map(textOf).join(" / ");
    return `  ${wordOf(source)} --> ${wordOf(target)}${label === "" ? "" : `: ${label}`}`;
  });
  const ends = states
    .filter(({ type, parent }) => type === "final" && parent === root)
    .map(({ id }) => `  ${wordOf(id)} --> [*]`);
  return [
    "stateDiagram-v2",
    ...contentOf(root),
    ...anyState(
      chart,
      bundles.map(({ source }) => source),
    ),
    ...arrows,
    ...ends,
    "",
  ].join("\n");
};
