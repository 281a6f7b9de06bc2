/** `machines/README.md`: each chart as a sentence, a diagram and a table of its arrows. */
import type { Arrow, Chart, ChartState } from "./graph.ts";
import { mermaidOf } from "./mermaid.ts";
import { eventWord, isElse } from "./words.ts";

export interface Described {
  readonly name: string;
  readonly chart: Chart;
  /** the text of its file, whose head comment describes it */
  readonly source: string;
}

/** The first paragraph of the comment at a file's head. */
const headParagraph = (source: string): string => {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? "";
  const [paragraph = ""] = comment
    .replaceAll(/^[ \t]*\* ?/gm, "")
    .trim()
    .split(/\n\s*\n/);
  return paragraph.replaceAll(/\s*\n\s*/g, " ");
};

/** Pipes would end a table's cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");
const code = (text: string): string => (text === "" ? "" : `\`${cell(text)}\``);

const rowOf = (arrow: Arrow, { root, states, arrows }: Chart): string => {
  const state = [root, ...states].find(({ id }) => id === arrow.source)!;
  const from = state === root ? "any state" : code(shortId(arrow.source, root));
  const event = arrow.event === "" ? "at once" : code(eventWord(arrow));
  const guard = arrow.guard === undefined ? (isElse(arrow, arrows) ? "else" : "") : code(arrow.guard);
  const target = arrow.isInternal ? "stays" : code(shortId(arrow.target, root));
  return `| ${from} | ${event} | ${guard} | ${target} |`;
};
const shortId = (id: string, root: ChartState): string => id.slice(root.id.length + 1);

const sectionOf = ({ name, chart, source }: Described): string =>
  [
    `## ${name}`,
    "",
    headParagraph(source),
    "",
    `Code: [${name}.machine.ts](${name}.machine.ts) · picture: [${name}.svg](../visualizations/${name}.svg) · for Stately's editor: [${name}.json](../visualizations/${name}.json)`,
    "",
    "```mermaid",
    mermaidOf(chart).trimEnd(),
    "```",
    "",
    "| state | event | guard | target |",
    "| --- | --- | --- | --- |",
    ...chart.arrows.map((arrow) => rowOf(arrow, chart)),
    "",
  ].join("\n");

export const machinesReadme = (charts: readonly Described[]): string =>
  [
    "# The machines",
    "",
    "Written by `npm run generate` from the machines themselves; a test holds it so. A guard that says `else` is taken when no guard before it holds; `stays` runs actions and leaves no state.",
    "",
    ...charts.map(sectionOf),
  ].join("\n");
