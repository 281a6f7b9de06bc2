/** What stands above a chart: its sentence, and what its colours and shapes mean. Only what occurs in it is explained. */
import type { Chart, Kind } from "../charts/graph.ts";
import type { Word } from "../charts/words.ts";
import { bundlesOf, reactionsOf } from "../charts/words.ts";
import type { Header, LegendItem, Shape } from "./layout.ts";
import { margin, sizes, wrapped } from "./layout.ts";
import { textWidth } from "./measure.ts";

/** how wide a shape is, with the space before its text */
export const shapeWidth = (shape: Shape): number => {
  if (["final", "ready", "rail", "child", "any", "parallel"].includes(shape)) return 30;
  return shape === "invokes" || shape === "reacts" || shape === "begins" || shape === "ends" ? 15 : 13;
};

const words: Readonly<Record<Shape, string>> = {
  command: "command",
  fact: "fact",
  done: "done",
  error: "error",
  deadline: "deadline",
  always: "at once, by its guard",
  initial: "first state",
  invokes: "actor invoked there",
  reacts: "handled without leaving",
  begins: "child begins",
  ends: "and ends",
  child: "child beside it",
  rail: "exits that share a target",
  ready: "takes traffic",
  final: "final",
  any: "from any state",
  parallel: "region: runs beside the others",
};

const wordsIn = (chart: Chart): Word[] => [
  ...bundlesOf(chart).flatMap((bundle) => bundle.words),
  ...[chart.root, ...chart.states].flatMap((state) => reactionsOf(state, chart)),
];

/** What the layout has made of the chart. */
interface Drawn {
  readonly rails: boolean;
  readonly bars: boolean;
}

/** Which shapes occur, in the order in which they are explained. */
const shapesIn = (chart: Chart, drawn: Drawn): Shape[] => {
  const { root, states, children } = chart;
  const kinds = new Set(wordsIn(chart).flatMap(({ parts, kind }) => [kind, ...parts.map((part) => part.kind)]));
  const occurs: Readonly<Record<Shape, boolean>> = {
    ...(Object.fromEntries(
      (["command", "fact", "done", "error", "deadline", "always"] as const).map((kind) => [kind, kinds.has(kind)]),
    ) as Record<Kind, boolean>),
    initial: true,
    invokes: states.some(({ invokes }) => invokes.length > 0),
    reacts: states.some((state) => reactionsOf(state, chart).length > 0),
    begins: children.length > 0,
    ends: children.length > 0,
    child: drawn.bars,
    rail: drawn.rails,
    ready: states.some(({ tags }) => tags.includes("ready")),
    final: states.some(({ type }) => type === "final"),
    any: chart.arrows.some(({ source, target }) => source === root.id && target !== root.id),
    parallel: [root, ...states].some(({ type }) => type === "parallel"),
  };
  return (Object.keys(words) as Shape[]).filter((shape) => occurs[shape]);
};

const lineHeight = 20;

const placed = (shapes: readonly Shape[], top: number, maxWidth: number): LegendItem[] => {
  let [x, y] = [margin, top];
  return shapes.map((shape) => {
    const width = shapeWidth(shape) + textWidth(words[shape], sizes.note);
    if (x + width > margin + maxWidth) [x, y] = [margin, y + lineHeight];
    const item = { shape, text: words[shape], x, y };
    x += width + 22;
    return item;
  });
};

/** The title stands at the baseline of 41 px. */
export const headerOf = (chart: Chart, drawn: Drawn, width: number): Header => {
  const sentence = wrapped(chart.root.description ?? "", sizes.sentence, width - 2 * margin);
  const legend = placed(shapesIn(chart, drawn), 66 + sentence.length * 18, width - 2 * margin);
  return { sentence, legend, bottom: (legend.at(-1)?.y ?? 66) + 8 };
};
