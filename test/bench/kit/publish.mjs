/** The figures of a run as the README shows them: tables between two marks each, pictures, and what all are made from. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { curves } from "../scenarios/growth.mjs";
import { scenarios } from "../scenarios/index.mjs";
import { journalMetrics, ways } from "../scenarios/journal.mjs";
import { messageMetrics, programs as messagePrograms } from "../scenarios/messages.mjs";
import { quotas, slowMetrics } from "../scenarios/slow.mjs";
import { nameOf } from "./contestants.mjs";
import { draw } from "./draw.mjs";
import { drawGrowth } from "./draw-growth.mjs";
import { drawMessages } from "./draw-messages.mjs";
import { drawSlow, programs } from "./draw-slow.mjs";
import { figure, verdictRows } from "./report.mjs";
import { median } from "./stats.mjs";

const at = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const figures = at("visualizations/bench.json");
const readme = at("README.md");

/** As the formatter of this tree wants it. */
const markdown = ([head, ...body]) => {
  const widths = head.map((_, at) => Math.max(3, ...[head, ...body].map((row) => [...row[at]].length)));
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
};

const folded = (summary, rows) => `\n<details>\n<summary>${summary}</summary>\n\n${markdown(rows)}\n\n</details>\n\n`;

const dated = ({ machine, date }) => `${date.slice(0, 10)}, ${machine}`;

const benchTable = (record) => {
  const held = record.targets.filter(({ reached }) => reached.held).length;
  const summary = `${held} of ${record.targets.length} held, ${dated(record)}: medians, with the least and the most`;
  return folded(summary, verdictRows(record.targets));
};

const slowTable = ({ medians, ...run }) => {
  const rows = quotas.flatMap((cores) =>
    Object.entries(slowMetrics).map(([metric, what]) => [
      `${cores} core: ${what}`,
      ...programs.map((id) => figure(medians[`${metric} ${cores}`]?.[id])),
    ]),
  );
  return folded(`A part of a processor, ms, ${dated(run)}`, [["quota", ...programs.map(nameOf)], ...rows]);
};

const messagesText = `
\`npm run bench -- messages\` measures what a message costs one worker and Redis, and how long it waits, beside BullMQ and a loop on
\`XREADGROUP\` that keeps no order:

![What a message costs, and how long it waits](visualizations/bench-messages.svg)
`;

/** With its sentence and picture: nothing of it stands there before it has been measured. */
const messagesPart = ({ medians, ...run }) => {
  const rows = messagePrograms.map((id) => [id, ...Object.keys(messageMetrics).map((metric) => figure(medians[metric][id]))]);
  const head = ["", ...Object.values(messageMetrics).map(({ what, unit }) => `${what}, ${unit}`)];
  return `${messagesText}${folded(`One worker at 1,000 messages a second, medians, ${dated(run)}`, [head, ...rows])}`;
};

const journalTable = ({ medians, ...run }) => {
  const rows = Object.entries(journalMetrics).map(([metric, { what, unit }]) => [
    unit === "" ? what : `${what}, ${unit}`,
    ...Object.keys(ways).map((name) => figure(medians[metric][name])),
  ]);
  return folded(`What the journal costs, medians, ${dated(run)}`, [["", ...Object.keys(ways)], ...rows]);
};

const growthTable = ({ medians, exponents, ...run }) => {
  const rows = Object.entries(curves).map(([name, { what, unit, sizes }]) => [
    what,
    unit,
    sizes.map((n) => `${n}: ${figure(medians[name]?.[n])}`).join(", "),
    figure(exponents[name]),
  ]);
  return folded(`What grows with the fleet, ${dated(run)}`, [["curve", "unit", "n: median", "exponent"], ...rows]);
};

const between = (text, mark, content) =>
  text.replace(new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- /${mark} -->)`), (_, open, close) => `${open}${content}${close}`);

/** What has to stand in each file. */
export const rendered = () => {
  const { slow, growth, messages, journal, ...bench } = JSON.parse(readFileSync(figures, "utf8"));
  const tables = {
    ...{ bench: benchTable(bench), slow: slowTable(slow), growth: growthTable(growth) },
    messages: messages === undefined ? "" : messagesPart(messages),
    journal: journal === undefined ? "" : journalTable(journal),
  };
  const text = Object.entries(tables).reduce(
    (page, [mark, content]) => between(page, mark, content),
    readFileSync(readme, "utf8"),
  );
  return [
    { file: readme, text },
    { file: at("visualizations/bench.svg"), text: draw({ ...bench, judged: bench.targets }) },
    { file: at("visualizations/bench-slow.svg"), text: drawSlow(slow) },
    { file: at("visualizations/bench-growth.svg"), text: drawGrowth(growth) },
    ...(messages === undefined ? [] : [{ file: at("visualizations/bench-messages.svg"), text: drawMessages(messages) }]),
  ];
};

const mediansOf = (metrics) =>
  Object.fromEntries(
    Object.entries(metrics).map(([metric, values]) => [
      metric,
      Object.fromEntries(Object.entries(values).map(([id, each]) => [id, Number(median(each).toPrecision(4))])),
    ]),
  );

/** The figures of one of the scenarios that have a table of their own; empty where it was not run. */
const partOf = ({ results, date, machine }, name) => {
  const metrics = results.find(({ scenario }) => scenario === name)?.metrics;
  if (metrics === undefined || Object.keys(metrics).length === 0) return {};
  const { exponent, ...medians } = mediansOf(metrics);
  return { [name]: { date, machine, medians, ...(exponent && { exponents: exponent }) } };
};

/**
 * Takes the figures of a run into the tree: all of a whole one; of `slow`, `growth`, `messages` and `journal` only their own. Throws where they are
 * those of a quick run, or of none of them.
 */
export const publish = (file) => {
  const run = JSON.parse(readFileSync(file, "utf8"));
  if (run.quick !== false) throw new Error(`${file} has no figures of a whole run`);
  const { date, machine, targets, results } = run;
  const isWhole = scenarios.every(({ name }) => results.some(({ scenario }) => scenario === name));
  const parts = Object.assign({}, ...["slow", "growth", "messages", "journal"].map((name) => partOf(run, name)));
  if (!isWhole && Object.keys(parts).length === 0)
    throw new Error(`${file} has no figures of a whole run, of slow, growth, messages or journal`);
  const record = { ...JSON.parse(readFileSync(figures, "utf8")), ...(isWhole ? { date, machine, targets } : {}), ...parts };
  writeFileSync(figures, `${JSON.stringify(record, undefined, 1)}\n`);
  for (const { file: path, text } of rendered()) writeFileSync(path, text);
};
