// @ts-check
/** How many instances of one service were not running, over time: booting, stopping, or failed and unready. Pure. */

/** @import { PageState, WireRow } from "../wire.ts" */
/** @typedef {{ to: number, ms: number, stateOf: (name: string) => PageState | undefined }} Scale */
/** @typedef {{ look: string, points: string }} Polygon */

const columns = 80;
/** the bands, the lowest first */
const bands = /** @type {const} */ (["bad", "stop", "boot"]);
/** share of the height that the highest column of bands takes */
const highest = 0.55;

/** @typedef {(typeof bands)[number]} Band */

/** @type {(row: WireRow, at: number, scale: Scale) => Band | undefined} */
const bandOf = ({ lane }, at, { stateOf }) => {
  const [state = "", , , ready, , mark] = lane[at] ?? [];
  const known = stateOf(state);
  if (known === undefined || known.isFinal) return mark === "ended" || at === 0 || state === "" ? undefined : "bad";
  if (known.takesWork && ready === false) return "bad";
  return known.part === "run" ? undefined : known.isEnding ? "stop" : "boot";
};

/** How many are in each band, by column. @type {(rows: readonly WireRow[], scale: Scale) => Record<Band, number[]>} */
const countsOf = (rows, scale) => {
  const from = scale.to - scale.ms;
  const columnOf = (/** @type {number} */ at) => Math.max(0, Math.min(columns, Math.round((columns * (at - from)) / scale.ms)));
  /** @type {Record<Band, number[]>} */
  const steps = { bad: Array(columns + 2).fill(0), stop: Array(columns + 2).fill(0), boot: Array(columns + 2).fill(0) };
  for (const row of rows) {
    for (const [at, [, begin, end]] of row.lane.entries()) {
      if (end !== null && end < from) continue;
      const band = bandOf(row, at, scale);
      if (band === undefined) continue;
      const [first, last] = [columnOf(begin), end === null ? columns + 1 : Math.max(columnOf(begin) + 1, columnOf(end))];
      steps[band][first] = (steps[band][first] ?? 0) + 1;
      steps[band][last] = (steps[band][last] ?? 0) - 1;
    }
  }
  for (const band of bands) {
    let sum = 0;
    steps[band] = steps[band].slice(0, columns + 1).map((step) => (sum += step));
  }
  return steps;
};

/** @type {(below: readonly number[], above: readonly number[]) => string} */
const outline = (below, above) =>
  [...below.map((y, x) => `${x},${(100 - y).toFixed(1)}`), ...above.map((y, x) => `${x},${(100 - y).toFixed(1)}`).reverse()].join(
    " ",
  );

/**
 * The shapes, each with the class of a state of its band, and the highest number that did not run.
 *
 * @type {(rows: readonly WireRow[], scale: Scale) => { most: number, polygons: Polygon[] }}
 */
export const flowOf = (rows, scale) => {
  const counts = countsOf(rows, scale);
  const sums = counts.bad.map((bad, at) => bad + (counts.stop[at] ?? 0) + (counts.boot[at] ?? 0));
  const most = Math.max(0, ...sums);
  if (most === 0) return { most, polygons: [] };
  const unit = (100 * highest) / Math.max(4, most);
  let below = counts.bad.map(() => 0);
  const polygons = bands.map((band) => {
    const above = below.map((y, at) => y + unit * (counts[band][at] ?? 0));
    const points = outline(below, above);
    below = above;
    return { look: `band ${band}`, points };
  });
  return { most, polygons };
};
