/** What a message costs and how long it waits as a picture: a bar for each program, in a column for each figure. */
import { rect, text } from "../../../dist/src/drawing/ink.js";
import { px } from "../../../dist/src/drawing/path.js";
import { chartStyle } from "../../../dist/src/drawing/style.js";
import { messageMetrics, programs } from "../scenarios/messages.mjs";
import { figure } from "./report.mjs";

const width = 960;
const margin = 26;
const top = 92;
const row = 42;
const shown = ["messageUs", "p50Ms", "p99Ms"];
const column = { width: (width - 2 * margin) / shown.length, value: 84 };

const columnInk = (metric, at, medians) => {
  const x = margin + at * column.width;
  const { what, unit } = messageMetrics[metric];
  const scale = (column.width - column.value) / Math.max(...Object.values(medians[metric]));
  const bars = programs.map((id, index) => {
    const [value, y] = [medians[metric][id], top + 14 + index * row];
    const bar = rect({ x, y: y + 14, width: Math.max(1, value * scale), height: 12 }, 2, `bar p${index}`);
    return `${text(x, y + 9, "caption", id)}${bar}${text(x + value * scale + 7, y + 24, "caption", `${figure(value)} ${unit}`)}`;
  });
  return [text(x, top, "name", what), ...bars].join("\n");
};

const style = `
.sg-chart .bar.p0{fill:var(--sg-done)}
.sg-chart .bar.p1,.sg-chart .bar.p2{fill:var(--sg-mute)}
`;

export const drawMessages = ({ medians, machine, date }) => {
  const height = top + 14 + programs.length * row + 8;
  const title = "A message, at 1,000 a second";
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${px(height)}" role="img" aria-label="${title}">
<style>${chartStyle}${style}</style>
${rect({ x: 0, y: 0, width, height }, 14, "paper")}
${text(margin, 41, "title", title)}
${text(margin, 62, "sentence", `One worker, medians: less is better. ${machine}, ${date.slice(0, 10)}`)}
${shown.map((metric, at) => columnInk(metric, at, medians)).join("\n")}
</svg>
`;
};
