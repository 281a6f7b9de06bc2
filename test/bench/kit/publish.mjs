/** The figures of a run as the README shows them: a table between two marks, a picture, and what both are made from. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { draw } from "./draw.mjs";
import { verdictRows } from "./report.mjs";

const at = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const figures = at("visualizations/bench.json");
const picture = at("visualizations/bench.svg");
const readme = at("README.md");
const marked = /(<!-- bench -->\n)[\s\S]*?(<!-- \/bench -->)/;

/** As the formatter of this tree wants it. */
const markdown = ([head, ...body]) => {
  const widths = head.map((_, at) => Math.max(3, ...[head, ...body].map((row) => [...row[at]].length)));
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
};

const tableOf = ({ targets, machine, date }) => {
  const held = targets.filter(({ reached }) => reached.held).length;
  const summary = `${held} of ${targets.length} held, ${date.slice(0, 10)}, ${machine}: medians, with the least and the most`;
  return `\n<details>\n<summary>${summary}</summary>\n\n${markdown(verdictRows(targets))}\n\n</details>\n\n`;
};

/** What has to stand in each file. */
export const rendered = () => {
  const record = JSON.parse(readFileSync(figures, "utf8"));
  const before = readFileSync(readme, "utf8");
  return [
    { file: readme, text: before.replace(marked, (_, open, close) => `${open}${tableOf(record)}${close}`) },
    { file: picture, text: draw({ ...record, judged: record.targets }) },
  ];
};

/** Takes the figures of a run into the tree; throws where they are not those of a whole one. */
export const publish = (file) => {
  const { date, machine, quick, targets } = JSON.parse(readFileSync(file, "utf8"));
  if (quick !== false) throw new Error(`${file} has no figures of a whole run`);
  writeFileSync(figures, `${JSON.stringify({ date, machine, targets }, undefined, 1)}\n`);
  for (const { file: path, text } of rendered()) writeFileSync(path, text);
};
