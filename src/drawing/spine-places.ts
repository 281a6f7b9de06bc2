/** Where each state of a spine stands, and where its exits leave it. */
import type { Chart } from "./graph.ts";
import type { Block, Box } from "./layout.ts";
import { boxSize, columnOf, flowOf, headHeight } from "./layout.ts";
import { notesOf } from "./notes.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";

export const frameHalf = 262;
export const portStep = 24;
const boxWidth = 160;
const framePadding = 22;
const leavingRoom = 16;
const dotRoom = 32;
const bareGap = 34;
const straightMax = 336;

/** A row where it stands. */
export interface Place extends Box {
  readonly row: Row;
}

/** An exit's line out of its box, with the block of its words. */
export interface Tap {
  readonly way: Way;
  readonly y: number;
  readonly block: Block;
}

export interface Places {
  readonly of: ReadonlyMap<Row, Place>;
  readonly taps: readonly Tap[];
  readonly bottom: number;
}

interface Page {
  readonly chart: Chart;
  readonly rows: readonly Row[];
  readonly ways: Ways;
  readonly center: number;
  readonly places: Map<Row, Place>;
  readonly taps: Tap[];
  y: number;
}

export const isFrame = ({ state }: Row): boolean => state.children.length > 0;
export const straightBlock = (words: Way["words"]): Block => flowOf(words, straightMax);

const exitsOf = (row: Row, { exits, skips }: Ways): { way: Way; block: Block }[] =>
  [...exits, ...skips].filter(({ from }) => from === row).map((way) => ({ way, block: columnOf(way.words) }));
const heightOf = (blocks: readonly { block: Block }[]): number => blocks.reduce((sum, { block }) => sum + block.height + 8, 0);

/** How many lines leave or reach a row on its left. */
export const portsOf = (row: Row, { lanes, leaving }: Ways): number =>
  [...lanes, ...leaving].filter(({ from }) => from === row).length + lanes.filter(({ to }) => to === row).length;

/** Taps one under the other, their middle at `middle`. */
const placeTaps = (row: Row, middle: number, page: Page): void => {
  const exits = exitsOf(row, page.ways);
  let top = middle - heightOf(exits) / 2 + 4;
  for (const { way, block } of exits) {
    page.taps.push({ way, block, y: top + block.height / 2 });
    top += block.height + 8;
  }
};

const gapAbove = (row: Row, { ways }: Page): number => {
  const words = ways.straight.filter(({ to }) => to === row).flatMap((way) => way.words);
  return words.length === 0 ? bareGap : straightBlock(words).height + 34;
};

const placeLeaf = (row: Row, page: Page): void => {
  const notes = notesOf(row.state, page.chart);
  const size = boxSize(row.state.name, notes);
  const exits = exitsOf(row, page.ways);
  const spread = exits.length < 2 ? 0 : heightOf(exits) - exits.at(0)!.block.height / 2 - exits.at(-1)!.block.height / 2;
  const height = Math.max(size.height, portsOf(row, page.ways) * portStep + 4, spread + 16);
  const slot = Math.max(height, heightOf(exits));
  const width = Math.max(boxWidth, size.width);
  const y = page.y + (slot - height) / 2;
  page.places.set(row, { row, state: row.state, notes, x: page.center - width / 2, y, width, height });
  placeTaps(row, page.y + slot / 2, page);
  page.y += slot;
};

const placeFrame = (row: Row, page: Page): void => {
  const top = page.y;
  const head = Math.max(headHeight, heightOf(exitsOf(row, page.ways)) + 10, portsOf(row, page.ways) * portStep + 12);
  placeTaps(row, top + head / 2, page);
  page.y += head + dotRoom - 14;
  placeAll(
    page.rows.filter(({ parent }) => parent === row),
    page,
  );
  page.y += framePadding + (page.ways.leaving.some(({ from }) => from.parent === row) ? leavingRoom : 0);
  const notes = notesOf(row.state, page.chart);
  page.places.set(row, {
    row,
    state: row.state,
    notes,
    x: page.center - frameHalf,
    y: top,
    width: 2 * frameHalf,
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

/** `clear`: what stands at the upper left ends there; no frame begins above it. */
export const placesOf = (chart: Chart, rows: readonly Row[], ways: Ways, center: number, top: number): Places => {
  const page: Page = { chart, rows, ways, center, places: new Map(), taps: [], y: top };
  placeAll(
    rows.filter(({ parent }) => parent === undefined),
    page,
  );
  return { of: page.places, taps: page.taps, bottom: page.y };
};
