/** The growth curves as a picture: each on logarithmic axes, beside a line of n, with its exponent. */
import { circle, rect, text } from "../../../dist/src/drawing/ink.js";
import { px } from "../../../dist/src/drawing/path.js";
import { chartStyle } from "../../../dist/src/drawing/style.js";
import { curves } from "../scenarios/growth.mjs";
import { figure } from "./report.mjs";

const width = 960;
const margin = 26;
const top = 92;
const columns = 3;
const cell = { width: (width - 2 * margin) / columns, height: 190 };
const plot = { x: 14, y: 46, width: cell.width - 48, height: 104 };

const scale = (values, from, to) => {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(Math.log10);
  return (value) => from + ((Math.log10(value) - least) / (most - least || 1)) * (to - from);
};

const lineOf = (points) => `M${points.map(([x, y]) => `${px(x)} ${px(y)}`).join("L")}`;

/** The dashed line has the exponent 1 and ends where the curve ends. */
const curveInk = ([name, { what, unit, sizes }], at, { medians, exponents }) => {
  const points = sizes.flatMap((n) => (medians[name]?.[n] === undefined ? [] : [[n, medians[name][n]]]));
  if (points.length === 0) return "";
  const [left, upper] = [margin + (at % columns) * cell.width, top + Math.floor(at / columns) * cell.height];
  const [[few], [most, last]] = [points[0], points.at(-1)];
  const linear = [few, most].map((n) => [n, (last * n) / most]);
  const x = scale(
    points.map(([n]) => n),
    left + plot.x,
    left + plot.x + plot.width,
  );
  const y = scale(
    [...points, ...linear].map(([, value]) => value),
    upper + plot.y + plot.height,
    upper + plot.y,
  );
  const placed = (list) => list.map(([n, value]) => [x(n), y(value)]);
  return [
    text(left + plot.x, upper + 16, "name", what),
    text(left + plot.x, upper + 33, "caption", `exponent ${figure(exponents[name])}`),
    `<path class="rule" d="M${px(left + plot.x)} ${upper + plot.y + plot.height + 8}h${px(plot.width)}"/>`,
    `<path class="linear" d="${lineOf(placed(linear))}"/>`,
    `<path class="curve" d="${lineOf(placed(points))}"/>`,
    ...points.map(([n, value]) => circle(x(n), y(value), 3.2, "point")),
    text(left + plot.x, upper + plot.y + plot.height + 24, "caption", `${few}: ${figure(points[0][1])} ${unit}`),
    text(left + plot.x + plot.width, upper + plot.y + plot.height + 24, "caption end", `${most}: ${figure(last)}`),
  ].join("\n");
};

const style = `
.sg-chart .rule{stroke:var(--sg-line)}
.sg-chart .curve{fill:none;stroke:var(--sg-done);stroke-width:2;stroke-linejoin:round}
.sg-chart .linear{fill:none;stroke:var(--sg-mute);stroke-dasharray:3 4}
.sg-chart .point{fill:var(--sg-done)}
.sg-chart .caption.end{text-anchor:end}
`;

export const drawGrowth = ({ medians, exponents, machine, date }) => {
  const height = top + Math.ceil(Object.keys(curves).length / columns) * cell.height + 10;
  const title = "What grows with the fleet";
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<style>${chartStyle}${style}</style>
${rect({ x: 0, y: 0, width, height }, 14, "paper")}
${text(margin, 41, "title", title)}
${text(margin, 64, "sentence", `Both axes are logarithmic; the dashed line grows as n does. ${machine}, ${date.slice(0, 10)}`)}
${Object.entries(curves)
  .map((curve, at) => curveInk(curve, at, { medians, exponents }))
  .filter(Boolean)
  .join("\n")}
</svg>
`;
};
