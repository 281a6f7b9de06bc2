/** `machines/README.md`: each chart as a sentence, a picture, a table of its states and a table of its arrows. */
import type { Arrow, Chart, ChartState } from "./graph.ts";
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

/** A pipe would end the cell of a table. */
const cell = (text: string): string => text.replaceAll("|", "\\|");
const code = (text: string): string => (text === "" ? "" : `\`${cell(text)}\``);

const shortId = (id: string, root: ChartState): string => id.slice(root.id.length + 1);

const arrowRow = (arrow: Arrow, { root, arrows }: Chart): string => {
  const from = arrow.source === root.id ? "any state" : code(shortId(arrow.source, root));
  const event = arrow.event === "" ? "at once" : code(eventWord(arrow));
  const guard = arrow.guard === undefined ? (isElse(arrow, arrows) ? "else" : "") : code(arrow.guard);
  const to = arrow.isInternal ? "stays" : code(shortId(arrow.target, root));
  return `| ${from} | ${event} | ${guard} | ${to} |`;
};

const stateRow = ({ id, description = "", tags, invokes }: ChartState, root: ChartState): string =>
  `| ${code(shortId(id, root))} | ${cell(description)} | ${invokes.map(code).join(", ")} | ${tags.map(code).join(", ")} |`;

const sectionOf = ({ name, chart, source }: Described): string =>
  [
    `## ${name}`,
    "",
    headParagraph(source),
    "",
    `Code: [${name}.machine.ts](${name}.machine.ts) · for Stately's editor: [${name}.json](../visualizations/${name}.json) · for Mermaid: [${name}.mmd](../visualizations/${name}.mmd)`,
    "",
    `![The states of ${name} and the arrows between them](../visualizations/${name}.svg)`,
    "",
    "| state | what happens there | invokes | tags |",
    "| --- | --- | --- | --- |",
    ...chart.states.map((state) => stateRow(state, chart.root)),
    "",
    "<details>",
    `<summary>The ${chart.arrows.length} transitions of ${name}</summary>`,
    "",
    "| from | event | guard | to |",
    "| --- | --- | --- | --- |",
    ...chart.arrows.map((arrow) => arrowRow(arrow, chart)),
    "",
    "</details>",
    "",
  ].join("\n");

export const machinesReadme = (charts: readonly Described[]): string =>
  [
    "# The machines",
    "",
    "Written by `npm run generate` from the machines themselves, and held against them by a test. In the tables of transitions, `else` is taken when no guard before it holds; `stays` runs actions and leaves no state.",
    "",
    ...charts.map(sectionOf),
  ].join("\n");
