/**
 * The figures as a picture: a bar for each target, on a scale where 1 is the target. Left of the line is held, right of it is
 * missed; the whisker goes from the best round to the worst. Light and dark by the reader's preference.
 */
import { bases, nameOf } from "./contestants.mjs";
import { figure } from "./report.mjs";

const row = 26;
const label = 350;
const track = 300;
const width = label + track + 300;
const top = 92;
/** the scale's end, in targets */
const longest = 2;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** How far from the target, 1 being at it and less being better, whichever way the target points. */
const share = ({ most, least }, value) => {
  if (least !== undefined) return value === 0 ? longest : least / value;
  return most === 0 ? (value === 0 ? 0 : longest) : value / most;
};

const at = (times) => label + (Math.min(longest, Math.max(0, times)) / longest) * track;

const against = ({ per }) => {
  if (per === undefined) return "";
  const letter = Object.entries(bases).find(([, id]) => id === per)?.[0];
  return ` × ${letter ? `(${letter})` : nameOf(per)}`;
};

const bar = ({ target, reached }, index) => {
  const y = top + index * row;
  const [value, low, high] = [reached.median, reached.min, reached.max].map((each) => share(target, each));
  const aim = target.most === undefined ? `≥ ${target.least}` : `≤ ${target.most}`;
  const said = `${figure(reached.median)}${against(target)}, aim ${aim}`;
  const end = at(value);
  const [from, to] = [at(Math.min(low, high)), at(Math.max(low, high))];
  return [
    `<text class="what" x="${label - 12}" y="${y + 12}" text-anchor="end">${escaped(target.what)}</text>`,
    `<rect class="${reached.held ? "held" : "missed"}" x="${label}" y="${y + 2}" width="${Math.max(2, end - label).toFixed(1)}" height="13" rx="2"/>`,
    `<path class="spread" d="M${from.toFixed(1)} ${y + 8.5}H${to.toFixed(1)}"/>`,
    `<text class="said" x="${label + track + 14}" y="${y + 12}">${escaped(said)}</text>`,
  ].join("");
};

const style = `text{font:13px system-ui,sans-serif;fill:#1d2433}.head{font-size:16px;font-weight:600}.note,.said{fill:#56617a;font-size:12px}
.held{fill:#0c7a50}.missed{fill:#c22547}.spread{stroke:#1d2433;stroke-width:1.5;opacity:.55}.aim{stroke:#56617a;stroke-dasharray:3 3}.ground{fill:#fff}
@media (prefers-color-scheme:dark){text{fill:#e8ecf4}.note,.said{fill:#a9b5cd}.held{fill:#3fae7f}.missed{fill:#ff7a93}.spread{stroke:#e8ecf4}.aim{stroke:#a9b5cd}.ground{fill:#10151f}}`;

export const draw = ({ judged, machine, date }) => {
  const height = top + judged.length * row + 24;
  const held = judged.filter(({ reached }) => reached.held).length;
  const title = `${held} of ${judged.length} targets held`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<style>${style}</style><rect class="ground" width="${width}" height="${height}" rx="8"/>
<text class="head" x="24" y="32">${title}</text>
<text class="note" x="24" y="52">(a) node:http and ioredis by hand, (b) Fastify, under-pressure and close-with-grace by hand. Medians; the thin line goes from the least to the most.</text>
<text class="note" x="24" y="70">${escaped(machine)}, ${date.slice(0, 10)}. Shorter is better; the dashed line is the target.</text>
<path class="aim" d="M${at(1)} ${top - 6}V${height - 16}"/>
${judged.map(bar).join("\n")}
</svg>
`;
};
