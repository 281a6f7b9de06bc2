/** What stands in the boxes besides their names, and what holds in every state. */
import type { Chart, ChartState } from "../charts/graph.ts";
import { reactionsOf } from "../charts/words.ts";
import type { Block, Caption, Note, Pill } from "./layout.ts";
import { flowOf, pillsOf } from "./layout.ts";

/** The title and the legend stand above this. */
export const headerHeight = 82;
export const margin = 26;

/** Everywhere is a place too: what the whole chart leads to starts from a box of its own. */
export const anyStateOf = ({ root, arrows }: Chart): ChartState[] =>
  arrows.some(({ source, isInternal }) => source === root.id && !isInternal)
    ? [{ ...root, name: "any state", type: "atomic", initial: undefined, tags: ["any"], invokes: [], children: [] }]
    : [];

/** A leaf tells its reactions in its box; a frame has pills for them. */
export const notesOf = (state: ChartState, chart: Chart): Note[] => (state.id === chart.root.id ? [] : allNotesOf(state, chart));

const allNotesOf = (state: ChartState, chart: Chart): Note[] => [
  ...state.invokes.map((text) => ({ mark: "invokes" as const, text })),
  ...chart.children.filter(({ from }) => from === state.id).map(({ id }) => ({ mark: "begins" as const, text: `${id} begins` })),
  ...chart.children.filter(({ to }) => to === state.id).map(({ id }) => ({ mark: "ends" as const, text: `${id} ends` })),
  ...(state.children.length > 0
    ? []
    : reactionsOf(state, chart).map((word) => ({
        mark: "reacts" as const,
        text: [word.text, word.guard].filter(Boolean).join(" "),
        word,
      }))),
];

const captionHeight = 20;

/** The reactions of the whole chart, at the upper left. */
export interface Everywhere {
  readonly pills: readonly Pill[];
  readonly captions: readonly Caption[];
  readonly bottom: number;
}

export const everywhereOf = (chart: Chart, top: number, maxWidth: number): Everywhere => {
  const words = reactionsOf(chart.root, chart);
  if (words.length === 0) return { pills: [], captions: [], bottom: top };
  const block: Block = flowOf(words, maxWidth);
  const pills = pillsOf(block, margin, top + captionHeight);
  const rows = new Set(pills.map(({ y }) => y));
  const leftOf = (row: number) => Math.min(...pills.filter(({ y }) => y === row).map(({ x }) => x));
  const aligned = [...rows].flatMap((row) =>
    pills.filter(({ y }) => y === row).map((pill) => ({ ...pill, x: pill.x - leftOf(row) + margin })),
  );
  return {
    pills: aligned,
    captions: [{ x: margin, y: top + 11, text: "in every state, without leaving it" }],
    bottom: top + captionHeight + block.height,
  };
};
