/** Every file that is written from the machines, with its text. */
import type { ChartName } from "../charts/charts.ts";
import { chartNames, machineOf } from "../charts/charts.ts";
import { chartOf } from "../charts/graph.ts";
import { mermaidOf } from "../charts/mermaid.ts";
import { machinesReadme } from "../charts/readme.ts";
import { statelyOf } from "../charts/stately.ts";
import { tableOf } from "../charts/table.ts";
import { drawChart, drawLandscape } from "./draw.ts";

export const chartFormats = ["svg", "mermaid", "json"] as const;
export type ChartFormat = (typeof chartFormats)[number];

/** A chart as text. */
export const renderChart = (name: ChartName, format: ChartFormat): string => {
  if (format === "svg") return drawChart(name);
  return format === "mermaid" ? mermaidOf(chartOf(machineOf(name))) : statelyOf(machineOf(name));
};

const extensions: Readonly<Record<ChartFormat, string>> = { svg: "svg", mermaid: "mmd", json: "json" };

/** `visualizations/<name>.*` for the given charts, by path from the project's root. */
export const pictureFiles = (names: readonly ChartName[]): Map<string, string> => {
  const files = names.flatMap((name) =>
    chartFormats.map((format) => [`visualizations/${name}.${extensions[format]}`, renderChart(name, format)] as const),
  );
  return new Map(names.includes("lifecycle") ? [...files, ["visualizations/lifecycle-landscape.svg", drawLandscape()]] : files);
};

/** `machines/README.md`; `readSource` gives the text of a machine's file. */
export const readmeFile = (readSource: (path: string) => string): [path: string, text: string] => [
  "machines/README.md",
  machinesReadme(
    chartNames.map((name) => ({ name, chart: chartOf(machineOf(name)), source: readSource(`machines/${name}.machine.ts`) })),
  ),
];

/** The chart of the chat's client, as the data that the page and the CLI run. */
export const tableFile = (): [path: string, text: string] => [
  "src/tiers/web/page/chat-chart.js",
  [
    "// @ts-check",
    "/** The chart of `machines/chat.machine.ts` as data. Written by `npm run generate`, and held against the chart by a test. */",
    "",
    `export const chatTable = ${JSON.stringify(tableOf(machineOf("chat")), undefined, 2)};`,
    "",
  ].join("\n"),
];
