/** Where each state of a spine stands, and where lines touch it. */
import type { Chart } from "../charts/graph.ts";
import type { Block, Box } from "./layout.ts";
import { boxSize, captionLine, flowOf, headHeight, headText } from "./layout.ts";
import { notesOf } from "./notes.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";
import { isFrame } from "./spine-rows.ts";

const boxWidth = 160;
/** by how much a nested frame is narrower, on each side */
export const inset = 14;
const framePadding = 20;
const leavingRoom = 14;
const dotRoom = 32;
const bareGap = 34;
export const headMiddle = 22;
const laneLabelMax = 116;
const exitLabelMax = 214;
/** from a line to its words */
const rise = 2;
const touchGap = 6;
/** from a box to the words of a lane */
export const besideLane = 6;

/** How far frames and words reach from the spine. */
export interface Reach {
  readonly left: number;
  readonly right: number;
}

/** A row where it stands. */
interface Place extends Box {
  readonly row: Row;
}

/** Where a line meets a side of a row; a line that begins there has words. A hub stands for its rail. */
export interface Touch {
  readonly what: Way | Row;
  readonly row: Row;
  readonly y: number;
  readonly block: Block | undefined;
}

export interface Places {
  readonly of: ReadonlyMap<Row, Place>;
  readonly left: readonly Touch[];
  readonly right: readonly Touch[];
  readonly bottom: number;
}

interface Page {
  readonly chart: Chart;
  readonly rows: readonly Row[];
  readonly ways: Ways;
  readonly rails: readonly (Row | Way)[];
  readonly center: number;
  readonly reach: Reach;
  readonly places: Map<Row, Place>;
  readonly left: Touch[];
  readonly right: Touch[];
  y: number;
}

export const straightBlock = (row: Row, words: Way["words"], { right }: Reach): Block =>
  flowOf(words, right - row.depth * inset - 12);
export const exitBlock = (way: Way): Block => flowOf(way.words, exitLabelMax);
export const laneBlock = (way: Way): Block => flowOf(way.words, laneLabelMax);
const leafSize = ({ state }: Row, chart: Chart): { width: number; height: number } => {
  const { width, height } = boxSize(state.name, notesOf(state, chart));
  return { width: Math.max(boxWidth, width), height };
};
/** How far the words of a lane reach to the left of the spine. */
export const laneReach = (way: Way, chart: Chart): number =>
  (isFrame(way.from) ? 0 : leafSize(way.from, chart).width / 2) + besideLane + laneBlock(way).width;
/** The first half of the rows stands above the line. */
export const heightAbove = ({ rows, height }: Block): number => (height / rows.length) * Math.ceil(rows.length / 2) + rise;

interface Stacked {
  readonly what: Way | Row;
  readonly block: Block | undefined;
  readonly above: number;
  readonly below: number;
}

const beginning = (what: Way, block: Block): Stacked => {
  const above = heightAbove(block);
  return { what, block, above, below: Math.max(5, block.height + 2 * rise - above) };
};
const arriving = (what: Way | Row): Stacked => ({ what, block: undefined, above: 7, below: 7 });

/** The touches of one side of a row, one below the other; the first and the last are equally far from the middle. */
interface Stack {
  readonly all: readonly (Stacked & { readonly offset: number })[];
  readonly above: number;
  readonly below: number;
  readonly spread: number;
}

const stackOf = (stacked: readonly Stacked[]): Stack => {
  let cursor = 0;
  const ys = stacked.map(({ above, below }) => {
    const y = cursor + above;
    cursor = y + below + touchGap;
    return y;
  });
  const [first = 0, last = 0] = [ys.at(0), ys.at(-1)];
  const middle = (first + last) / 2;
  return {
    all: stacked.map((each, index) => ({ ...each, offset: ys[index]! - middle })),
    above: middle,
    below: Math.max(0, cursor - touchGap - middle),
    spread: last - first,
  };
};

/** On the right, from the top: arrivals, then exits, the outermost rail first, so that no line crosses another of its row. */
const rightOf = (row: Row, { ways, rails }: Page): Stack => {
  const { hubs, exits, skips } = ways;
  const railOf = (way: Way): Way | Row => (exits.includes(way) ? way.to : way);
  const beginnings = [...exits, ...skips]
    .filter(({ from }) => from === row)
    .sort((one, two) => rails.indexOf(railOf(two)) - rails.indexOf(railOf(one)));
  return stackOf([
    ...(hubs.includes(row) ? [arriving(row)] : []),
    ...skips.filter(({ to }) => to === row).map(arriving),
    ...beginnings.map((way) => beginning(way, exitBlock(way))),
  ]);
};

/** On the left, from the top: lines that go up, the nearest lane first; then lines that go down, the nearest lane last. */
const leftOf = (row: Row, { ways }: Page): Stack => {
  const { lanes, leaving } = ways;
  const all = [...lanes, ...leaving.filter(({ from }) => from === row)].filter(({ from, to }) => from === row || to === row);
  const isUp = ({ from, to }: Way) => (from === row ? to.index : from.index) < row.index;
  const reach = (way: Way) =>
    (leaving.includes(way) ? 1000 : 0) + (way.isInner ? 0 : 2000) + Math.abs(way.from.index - way.to.index);
  const up = all.filter(isUp).sort((one, two) => reach(one) - reach(two));
  const down = all.filter((way) => !isUp(way)).sort((one, two) => reach(two) - reach(one));
  return stackOf([...up, ...down].map((way) => (way.from === row ? beginning(way, laneBlock(way)) : arriving(way))));
};

const touch = (touches: Touch[], { all }: Stack, row: Row, middle: number): void => {
  touches.push(...all.map(({ what, block, offset }) => ({ what, block, row, y: middle + offset })));
};

const gapAbove = (row: Row, { ways, reach }: Page): number => {
  const blocks = [...ways.straight, ...ways.beside]
    .filter(({ to }) => to === row)
    .map(({ words }) => straightBlock(row, words, reach));
  return Math.max(bareGap, ...blocks.map(({ height }) => height + 16));
};

const placeLeaf = (row: Row, page: Page): void => {
  const notes = notesOf(row.state, page.chart);
  const size = leafSize(row, page.chart);
  const [left, right] = [leftOf(row, page), rightOf(row, page)];
  const height = Math.max(size.height, left.spread + 24, right.spread + 24);
  const { width } = size;
  const middle = page.y + Math.max(height / 2, left.above, right.above);
  page.places.set(row, { row, state: row.state, notes, x: page.center - width / 2, y: middle - height / 2, width, height });
  touch(page.left, left, row, middle);
  touch(page.right, right, row, middle);
  page.y = middle + Math.max(height / 2, left.below, right.below);
};

const placeFrame = (row: Row, page: Page): void => {
  const { center, reach, ways } = page;
  const [top, narrower] = [page.y, row.depth * inset];
  const [left, right] = [leftOf(row, page), rightOf(row, page)];
  const half = Math.max(headMiddle, left.spread / 2 + 14, right.spread / 2 + 14);
  touch(page.left, left, row, top + half);
  touch(page.right, right, row, top + half);
  const notes = notesOf(row.state, page.chart);
  const width = reach.left + reach.right - 2 * narrower;
  const { below } = headText({ state: row.state, notes }, width);
  const dot = row.state.initial === undefined ? 0 : dotRoom - 14;
  const lastTouch = half + Math.max(left.spread, right.spread) / 2;
  page.y += Math.max(headHeight + below.length * captionLine + dot, lastTouch + 16);
  placeAll(
    page.rows.filter(({ parent }) => parent === row),
    page,
  );
  page.y += framePadding + (ways.leaving.some(({ from }) => from.parent === row) ? leavingRoom : 0);
  page.places.set(row, {
    row,
    state: row.state,
    notes,
    x: center - reach.left + narrower,
    y: top,
    width,
    height: page.y - top,
  });
};

const placeAll = (rows: readonly Row[], page: Page): void => {
  for (const [index, row] of rows.entries()) {
    if (index > 0) page.y += gapAbove(row, page);
    if (isFrame(row)) placeFrame(row, page);
    else placeLeaf(row, page);
  }
};

export interface PlaceInput {
  readonly chart: Chart;
  readonly rows: readonly Row[];
  readonly ways: Ways;
  /** the innermost first */
  readonly rails: readonly (Row | Way)[];
  readonly center: number;
  readonly reach: Reach;
}

export const placesOf = (input: PlaceInput, top: number): Places => {
  const page: Page = { ...input, places: new Map(), left: [], right: [], y: top };
  placeAll(
    page.rows.filter(({ parent }) => parent === undefined),
    page,
  );
  return { of: page.places, left: page.left, right: page.right, bottom: page.y };
};
