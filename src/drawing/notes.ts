/** The notes in the boxes, and the reactions that hold in every state. */
import type { Chart, ChartState, SpawnedChild } from "../charts/graph.ts";
import { reactionsOf, textOf } from "../charts/words.ts";
import type { Caption, Label, Note } from "./layout.ts";
import { flowOf, labelsOf, margin } from "./layout.ts";

/** The box `any state`, if the chart has an arrow that starts in every state. */
export const anyStateOf = ({ root, arrows }: Chart): ChartState[] =>
  arrows.some(({ source, target }) => source === root.id && target !== root.id)
    ? [
        {
          ...root,
          name: "any state",
          description: undefined,
          type: "atomic",
          initial: undefined,
          tags: ["any"],
          invokes: [],
          children: [],
        },
      ]
    : [];

const idsOf = (children: readonly SpawnedChild[]): string[] => [...new Set(children.map(({ id }) => id))];

/** The actors that a state invokes, the children that begin or end there, its reactions. */
export const notesOf = (state: ChartState, chart: Chart): Note[] =>
  state.id === chart.root.id
    ? []
    : [
        ...state.invokes.map((text) => ({ mark: "invokes" as const, text })),
        ...idsOf(chart.children.filter(({ from }) => from === state.id)).map((id) => ({
          mark: "begins" as const,
          text: `${id} begins`,
        })),
        ...idsOf(chart.children.filter(({ to }) => to === state.id)).map((id) => ({ mark: "ends" as const, text: `${id} ends` })),
        ...reactionsOf(state, chart).map((word) => ({ mark: "reacts" as const, text: textOf(word), word })),
      ];

/** The reactions of the whole chart, written below it. */
export interface Everywhere {
  readonly labels: readonly Label[];
  readonly captions: readonly Caption[];
  readonly bottom: number;
}

export const everywhereOf = (chart: Chart, top: number, maxWidth: number): Everywhere => {
  const words = reactionsOf(chart.root, chart);
  if (words.length === 0) return { labels: [], captions: [], bottom: top };
  const block = flowOf(words, maxWidth);
  const labels = labelsOf(block, margin - 4, top + 42);
  return {
    labels,
    captions: [{ x: margin, y: top + 35, text: "in every state, without leaving it" }],
    bottom: top + 42 + block.height,
  };
};
