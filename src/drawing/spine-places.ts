/** Where each state of a spine stands, and where its exits leave it. */
import type { Chart } from "../charts/graph.ts";
import type { Block, Box } from "./layout.ts";
import { boxSize, columnOf, flowOf, headHeight } from "./layout.ts";
import { notesOf } from "./notes.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";

export const frameHalf = 262;
const boxWidth = 160;
const framePadding = 22;
const leavingRoom = 16;
const dotRoom = 32;
const bareGap = 34;
const straightMax = 336;

/** A row where it stands. */
interface Place extends Box {
  readonly row: Row;
}

/** An exit's line out of its box, with the block of its words. */
export interface Tap {
  readonly way: Way;
  readonly y: number;
  readonly block: Block;
}

/** Where a line touches the left side of a row. */
interface Port {
  readonly way: Way;
  readonly row: Row;
  readonly y: number;
}

export interface Places {
  readonly of: ReadonlyMap<Row, Place>;
  readonly taps: readonly Tap[];
  readonly ports: readonly Port[];
  readonly bottom: number;
}

interface Page {
  readonly chart: Chart;
  readonly rows: readonly Row[];
  readonly ways: Ways;
  readonly center: number;
  readonly places: Map<Row, Place>;
  readonly taps: Tap[];
  readonly ports: Port[];
  y: number;
}

export const isFrame = ({ state }: Row): boolean => state.children.length > 0;
export const straightBlock = (words: Way["words"]): Block => flowOf(words, straightMax);

const exitsOf = (row: Row, { exits, skips }: Ways): { way: Way; block: Block }[] =>
  [...exits, ...skips].filter(({ from }) => from === row).map((way) => ({ way, block: columnOf(way.words) }));
const heightOf = (blocks: readonly { block: Block }[]): number => blocks.reduce((sum, { block }) => sum + block.height + 8, 0);

export const isInner = ({ from, to }: Way, { leaving }: Ways): boolean =>
  from.parent !== undefined && (from.parent === to.parent || leaving.some((way) => way.from === from && way.to === to));

const arrivalHeight = 16;

/** What touches a row on its left, from the top: what goes up, the nearest lane first; then what goes down, the nearest last. */
const leftOf = (row: Row, { lanes, leaving }: Ways): { way: Way; height: number }[] => {
  const all = [...lanes, ...leaving].filter(
    ({ from, to }) => from === row || (to === row && !leaving.some((way) => way.to === row && way.from === from)),
  );
  const isUp = ({ from, to }: Way) => (from === row ? to.index : from.index) < row.index;
  const reach = (way: Way) =>
    (leaving.includes(way) ? 1000 : 0) +
    (isInner(way, { lanes, leaving } as Ways) ? 0 : 2000) +
    Math.abs(way.from.index - way.to.index);
  const up = all.filter(isUp).sort((one, two) => reach(one) - reach(two));
  const down = all.filter((way) => !isUp(way)).sort((one, two) => reach(two) - reach(one));
  return [...up, ...down].map((way) => ({ way, height: way.from === row ? columnOf(way.words).height + 6 : arrivalHeight }));
};
const portsHeight = (row: Row, ways: Ways): number => leftOf(row, ways).reduce((sum, { height }) => sum + height, 0);

const placePorts = (row: Row, middle: number, page: Page): void => {
  let top = middle - portsHeight(row, page.ways) / 2;
  for (const { way, height } of leftOf(row, page.ways)) {
    page.ports.push({ way, row, y: top + height / 2 });
    top += height;
  }
};

/** The first and the last tap are as far from the middle of their row. */
const spreadOf = (exits: readonly { block: Block }[]): number =>
  exits.length < 2 ? 0 : heightOf(exits) - 8 - (exits.at(0)!.block.height + exits.at(-1)!.block.height) / 2;

/** Taps one under the other around `middle`. */
const placeTaps = (row: Row, middle: number, page: Page): void => {
  const exits = exitsOf(row, page.ways);
  let top = middle - (spreadOf(exits) + (exits.at(0)?.block.height ?? 0)) / 2;
  for (const { way, block } of exits) {
    page.taps.push({ way, block, y: top + block.height / 2 });
    top += block.height + 8;
  }
};

const tapsRoom = (exits: readonly { block: Block }[]): number =>
  exits.length === 0 ? 0 : spreadOf(exits) + Math.max(exits.at(0)!.block.height, exits.at(-1)!.block.height) + 8;

const gapAbove = (row: Row, { ways }: Page): number => {
  const words = [...ways.straight, ...ways.beside].filter(({ to }) => to === row).flatMap((way) => way.words);
  return words.length === 0 ? bareGap : straightBlock(words).height + 34;
};

const placeLeaf = (row: Row, page: Page): void => {
  const notes = notesOf(row.state, page.chart);
  const size = boxSize(row.state.name, notes);
  const exits = exitsOf(row, page.ways);
  const height = Math.max(size.height, portsHeight(row, page.ways) + 4, exits.length < 2 ? 0 : spreadOf(exits) + 20);
  const slot = Math.max(height, tapsRoom(exits));
  const width = Math.max(boxWidth, size.width);
  const y = page.y + (slot - height) / 2;
  page.places.set(row, { row, state: row.state, notes, x: page.center - width / 2, y, width, height });
  placeTaps(row, page.y + slot / 2, page);
  placePorts(row, page.y + slot / 2, page);
  page.y += slot;
};

const placeFrame = (row: Row, page: Page): void => {
  const top = page.y;
  const head = Math.max(headHeight, tapsRoom(exitsOf(row, page.ways)) + 4, portsHeight(row, page.ways) + 12);
  placeTaps(row, top + head / 2, page);
  placePorts(row, top + head / 2, page);
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

export const placesOf = (chart: Chart, rows: readonly Row[], ways: Ways, center: number, top: number): Places => {
  const page: Page = { chart, rows, ways, center, places: new Map(), taps: [], ports: [], y: top };
  placeAll(
    rows.filter(({ parent }) => parent === undefined),
    page,
  );
  return { of: page.places, taps: page.taps, ports: page.ports, bottom: page.y };
};
