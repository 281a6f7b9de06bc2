/** The report of a run: a table a scenario, then the targets. */
import { bases, nameOf } from "./contestants.mjs";

/** Three digits that matter. */
export const figure = (value) => {
  if (!Number.isFinite(value)) return "–";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return Number.isInteger(value) && Math.abs(value) < 1000 ? String(value) : value.toFixed(digits);
};

const range = ({ median, min, max }) => (min === max ? figure(median) : `${figure(median)} (${figure(min)} to ${figure(max)})`);

const columns = (rows) => {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => [...row[at]].length)));
  return rows.map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join("   "));
};

/** Contestants by metric, with their ratios to (a) and (b) where these took part. */
export const tableOf = ({ title, units, bases: own = bases }, samples) => {
  const lines = [`\n${title}`];
  for (const [metric, values] of Object.entries(samples.metrics)) {
    const present = Object.entries(own).filter(([, id]) => id in values);
    const letter = (name) => (name.length === 1 ? `(${name})` : name);
    const head = [
      `  ${metric}${units[metric] ? ` (${units[metric]})` : ""}`,
      "median (min to max)",
      ...present.map(([name]) => `÷ ${letter(name)}`),
    ];
    const rows = Object.keys(values).map((id) => [
      `    ${nameOf(id)}`,
      range(samples.alone(metric, id)),
      ...present.map(([, base]) => range(samples.ratio(metric, id, base))),
    ]);
    lines.push(...columns([head, ...rows]));
  }
  return lines.join("\n");
};

/** The median, with a digit more where it reads as the aim that it misses. */
export const reachedFigure = ({ target, reached: { median, held } }) =>
  !held && figure(median) === figure(target.most ?? target.least) ? median.toPrecision(4) : figure(median);

const letterOf = (id) => {
  const letter = Object.entries(bases).find(([, base]) => base === id)?.[0];
  return letter ? `(${letter})` : nameOf(id);
};

/** A row for each target: what was aimed at, what was reached, held or missed. */
export const verdictRows = (judged) => [
  ["target", "aim", "reached", ""],
  ...judged.map(({ target, reached, reached: { min, max } }) => [
    target.what,
    `${target.most === undefined ? "≥" : "≤"} ${target.most ?? target.least}${target.per ? ` × ${letterOf(target.per)}` : ""}`,
    reachedFigure({ target, reached }) + (min === max ? "" : ` (${figure(min)} to ${figure(max)})`),
    reached.held ? "held" : "MISSED",
  ]),
];

export const verdictsOf = (judged) => columns(verdictRows(judged)).join("\n");
