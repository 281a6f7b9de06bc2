/**
 * The figures as a picture: a row for each target, in groups, what is missed first. The scale is logarithmic and counts in
 * aims: the line is the aim, left of it is better. A target that asks for at least so much is turned, and its row is marked so.
 * Light and dark by the reader's preference, in the colours and the font of the charts.
 */
import { escapeXml, rect, text } from "../../../dist/src/drawing/ink.js";
import { px } from "../../../dist/src/drawing/path.js";
import { chartStyle } from "../../../dist/src/drawing/style.js";
import { groups } from "../targets.mjs";
import { bases, nameOf } from "./contestants.mjs";
import { figure, reachedFigure } from "./report.mjs";

const width = 960;
const margin = 26;
const track = { x: 344, width: 352 };
const row = 23;
const top = 130;
/** the ends of the scale, in aims */
const [least, most] = [1 / 32, 4];
const ticks = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4];

const within = (times) => Math.min(most, Math.max(least, times));
const at = (times) => track.x + (Math.log(within(times) / least) / Math.log(most / least)) * track.width;

/** How many times the aim; less is better, whichever way the target points. */
const timesTheAim = ({ most: limit, least: floor }, value) => {
  if (floor !== undefined) return value === 0 ? most : floor / value;
  return limit === 0 ? (value === 0 ? least : most) : value / limit;
};

/** What a ratio is taken to; a title with `beside` names it already. */
const unitOf = ({ per, what }) => {
  if (per === undefined) return "";
  if (what.includes("beside")) return " ×";
  const letter = Object.entries(bases).find(([, id]) => id === per)?.[0];
  return ` × ${letter ? `(${letter})` : nameOf(per)}`;
};

/** A check or a cross, drawn, because fonts differ in such signs. */
const mark = (held, y) =>
  held
    ? `<path class="mark held" d="M${margin} ${y + 8}l3.5 4l7-8"/>`
    : `<path class="mark missed" d="M${margin + 1} ${y + 4}l8 8m0-8l-8 8"/>`;

const aimText = (target) => {
  const aim = target.most === undefined ? `aim ≥ ${target.least}, turned` : `aim ≤ ${target.most}`;
  return `<tspan class="aimed">${aim}</tspan>`;
};

const barInk = ({ target, reached }, y) => {
  const [value, one, other] = [reached.median, reached.min, reached.max].map((each) => at(timesTheAim(target, each)));
  const [from, to] = [Math.min(value, at(1)), Math.max(value, at(1))];
  const spread = `<path class="spread" d="M${px(Math.min(one, other))} ${y + 8}H${px(Math.max(one, other))}"/>`;
  const bar = rect({ x: from, y: y + 2.5, width: Math.max(1, to - from), height: 11 }, 2, "span");
  const dot = `<circle class="median" cx="${px(value)}" cy="${y + 8}" r="3.6"/>`;
  return reached.median === 0 ? dot : `${bar}${spread}${dot}`;
};

const rowInk = (judged, y) => {
  const { target, reached } = judged;
  return [
    `<g class="${reached.held ? "held" : "missed"}">`,
    `<title>${escapeXml(`${target.what}: ${figure(reached.median)} (${figure(reached.min)} to ${figure(reached.max)})${unitOf(target)}, ${reached.held ? "held" : "missed"}`)}</title>`,
    mark(reached.held, y),
    text(margin + 19, y + 12, "what", target.what),
    barInk(judged, y),
    `<text class="reached" x="${track.x + track.width + 20}" y="${y + 12}"><tspan class="value">${reachedFigure(judged)}${escapeXml(unitOf(target))}</tspan>  ${aimText(target)}</text>`,
    "</g>",
  ].join("");
};

const isHeld = ({ reached }) => reached.held;

/** What is missed by most comes first, then what is held by least. */
const sorted = (judged) =>
  [...judged].sort(
    (one, two) =>
      Number(isHeld(one)) - Number(isHeld(two)) ||
      timesTheAim(two.target, two.reached.median) - timesTheAim(one.target, one.reached.median),
  );

const groupInk = (name, judged, y) => {
  const held = judged.filter(isHeld).length;
  return [
    text(margin, y + 13, "name", name),
    text(track.x + track.width + 20, y + 13, "reached", `${held} of ${judged.length} held`),
    `<path class="rule" d="M${margin} ${y + 21}H${width - margin}"/>`,
    ...sorted(judged).map((each, index) => rowInk(each, y + 28 + index * row)),
  ].join("\n");
};

const tickText = (times) => (times < 1 ? `1/${1 / times}` : times === 1 ? "the aim" : `${times} ×`);

const axisInk = (bottom) =>
  ticks
    .map((times) => {
      const x = px(at(times));
      return `<path class="${times === 1 ? "aim" : "tick"}" d="M${x} ${top}V${bottom}"/>${text(at(times), top - 7, times === 1 ? "caption mid strong" : "caption mid", tickText(times))}`;
    })
    .join("");

const style = `
.sg-chart .what{font-size:12.5px;fill:var(--sg-ink)}
.sg-chart .reached{font-size:12px;fill:var(--sg-mute);font-variant-numeric:tabular-nums;white-space:pre}
.sg-chart .value{fill:var(--sg-ink)}
.sg-chart .held{--ink:var(--sg-done)}
.sg-chart .missed{--ink:var(--sg-error)}
.sg-chart .mark.held,.sg-chart .mark.missed{fill:none;stroke:var(--ink);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.sg-chart .span{fill:var(--ink);opacity:.3}
.sg-chart .spread{stroke:var(--ink);stroke-width:1.6}
.sg-chart .median{fill:var(--ink);stroke:var(--sg-bg);stroke-width:1.4}
.sg-chart .rule{stroke:var(--sg-line)}
.sg-chart .tick{stroke:var(--sg-line);stroke-dasharray:2 4}
.sg-chart .aim{stroke:var(--sg-mute);stroke-width:1.4}
.sg-chart .caption.strong{fill:var(--sg-ink);font-weight:700}
`;

export const draw = ({ judged, machine, date }) => {
  let y = top + 6;
  const measured = groups.filter((name) => judged.some(({ target }) => target.group === name));
  const inks = measured.map((name) => {
    const mine = judged.filter(({ target }) => target.group === name);
    const ink = groupInk(name, mine, y);
    y += 28 + mine.length * row + 14;
    return ink;
  });
  const title = `${judged.filter(isHeld).length} of ${judged.length} targets held`;
  const height = y + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<style>${chartStyle}${style}</style>
<rect class="paper" width="${width}" height="${height}" rx="14"/>
${text(margin, 41, "title", title)}
${text(margin, 64, "sentence", "Times the aim, on a logarithmic scale: left of the line is better. The dot is the median, the thin line goes from the least to the most.")}
${text(margin, 82, "sentence", "Turned: at least so much is asked for, so the row shows the aim divided by what was reached.")}
${text(margin, 100, "sentence", `(a) node:http and ioredis by hand · (b) Fastify, under-pressure and close-with-grace by hand · ${machine}, ${date.slice(0, 10)}`)}
${axisInk(height - 16)}
${inks.join("\n")}
</svg>
`;
};
