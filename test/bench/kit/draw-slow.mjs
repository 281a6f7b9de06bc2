/** A part of a processor as a picture: a bar for each program, in a group for each quota, for cold start and idle stop. */
import { rect, text } from "../../../dist/src/drawing/ink.js";
import { px } from "../../../dist/src/drawing/path.js";
import { chartStyle } from "../../../dist/src/drawing/style.js";
import { quotas, slowMetrics } from "../scenarios/slow.mjs";
import { nameOf } from "./contestants.mjs";
import { figure } from "./report.mjs";

const width = 960;
const margin = 26;
const top = 116;
const row = 15;
const shown = ["coldMs", "stopMs"];
const column = { width: (width - 2 * margin) / shown.length, label: 66, value: 72 };

/** Which programs the bars are of, in the order of the legend. */
export const programs = ["ours", "tier", "node-http", "fastify"];

const groupInk = (metric, cores, { x, y, scale, medians }) =>
  programs.map((id, at) => {
    const value = medians[`${metric} ${cores}`]?.[id];
    if (value === undefined) return "";
    const [left, upper] = [x + column.label, y + at * row];
    const bar = rect({ x: left, y: upper, width: Math.max(1, value * scale), height: row - 4 }, 2, `bar p${at}`);
    return `${bar}${text(left + value * scale + 7, upper + 9.5, "caption", `${figure(value)} ms`)}`;
  });

const columnInk = (metric, at, medians) => {
  const x = margin + at * column.width;
  const values = quotas.flatMap((cores) => Object.values(medians[`${metric} ${cores}`] ?? {}));
  const scale = (column.width - column.label - column.value - 20) / Math.max(...values);
  const groups = quotas.flatMap((cores, index) => {
    const y = top + 14 + index * (programs.length * row + 14);
    return [text(x, y + 10, "caption", `${cores} core`), ...groupInk(metric, cores, { x, y, scale, medians })];
  });
  return [text(x, top, "name", slowMetrics[metric]), ...groups].join("\n");
};

const legendInk = () =>
  programs
    .map((id, at) => {
      const x = margin + at * 190;
      return `${rect({ x, y: 74, width: 12, height: 10 }, 2, `bar p${at}`)}${text(x + 18, 83, "caption", nameOf(id).split(":")[0])}`;
    })
    .join("");

const style = `
.sg-chart .bar.p0{fill:var(--sg-done)}
.sg-chart .bar.p1{fill:var(--sg-done);opacity:.55}
.sg-chart .bar.p2{fill:var(--sg-mute)}
.sg-chart .bar.p3{fill:var(--sg-mute);opacity:.55}
`;

export const drawSlow = ({ medians, machine, date }) => {
  const height = top + 14 + quotas.length * (programs.length * row + 14) + 8;
  const title = "A part of a processor";
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${px(height)}" role="img" aria-label="${title}">
<style>${chartStyle}${style}</style>
${rect({ x: 0, y: 0, width, height }, 14, "paper")}
${text(margin, 41, "title", title)}
${text(margin, 62, "sentence", `Quotas of a control group, medians in ms: less is better. ${machine}, ${date.slice(0, 10)}`)}
${legendInk()}
${shown.map((metric, at) => columnInk(metric, at, medians)).join("\n")}
</svg>
`;
};
