/** The lines of a spine and the words beside them. */
import { kindOfLine } from "../charts/words.ts";
import type { Label, Line, Point } from "./layout.ts";
import { labelHeight, labelsOf } from "./layout.ts";
import type { Places, Reach, Touch } from "./spine-places.ts";
import { besideLane, heightAbove, inset, straightBlock } from "./spine-places.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";

export interface Spine {
  readonly rows: readonly Row[];
  readonly ways: Ways;
  readonly places: Places;
  readonly center: number;
  readonly reach: Reach;
  /** the exits' words begin here */
  readonly columnX: number;
  /** of each hub's rail and each skip's lane */
  readonly railXs: ReadonlyMap<Row | Way, number>;
}

interface Drawn {
  readonly lines: readonly Line[];
  readonly labels: readonly Label[];
}

export const laneStep = 18;
export const firstInnerLane = 44;
export const firstOuterLane = 20;
const besideOffset = 150;
/** from a vertical line to its words */
const aside = 8;

const edge = (way: Way, points: readonly Point[], role: Line["role"] = "edge"): Line => ({
  ids: way.words.flatMap(({ ids }) => ids),
  title: `${way.words.map(({ title }) => title).join("\n")}\n→ ${way.to.state.name}`,
  kind: kindOfLine(way.words),
  role,
  points,
  hasHead: role !== "tap",
  ends: [way.source, way.target],
});
const bottomOf = ({ y, height }: { y: number; height: number }): number => y + height;
const rightOf = ({ x, width }: { x: number; width: number }): number => x + width;

/** A line down to the next row, at `x`. Out of a frame, its words stand below the frame. */
const straightLine = (way: Way, { places, reach }: Spine, x: number): Drawn => {
  const to = places.of.get(way.to)!;
  const start = bottomOf(places.of.get(way.from)!);
  const frame = way.from.parent !== way.to.parent && way.from.parent ? places.of.get(way.from.parent) : undefined;
  const free = frame === undefined ? start : bottomOf(frame);
  const block = straightBlock(way.to, way.words, reach);
  const top = free + (to.y - 4 - free - block.height) / 2;
  const points: Point[] = [
    [x, start],
    [x, to.y],
  ];
  return { lines: [edge(way, points)], labels: labelsOf(block, x + aside, top) };
};

/** The dot of each compound, and of the chart. */
const initialOf = ({ rows, places, center }: Spine, rootInitial: string | undefined): { lines: Line[]; dots: Point[] } => {
  const initials = new Set([rootInitial, ...rows.map(({ state }) => state.initial)]);
  const first = rows.filter(({ state }) => state.tags[0] !== "any" && initials.has(state.id));
  const lines = first.map((row): Line => {
    const { y } = places.of.get(row)!;
    const points: Point[] = [
      [center, y - 22],
      [center, y],
    ];
    return { ids: [], kind: "initial", role: "edge", points, hasHead: true, ends: [row.state.id] };
  });
  return { lines, dots: lines.map(({ points }) => points[0]!) };
};

/** Where a line from the right enters its row. */
const entryOf = (what: Way | Row, row: Row, { places }: Spine): Point => [
  rightOf(places.of.get(row)!),
  places.right.find((touch) => touch.what === what && touch.row === row)!.y,
];

const tapLines = ({ what, row, y, block }: Touch, spine: Spine): Drawn => {
  if (block === undefined) return { lines: [], labels: [] };
  const way = what as Way;
  const isExit = spine.ways.exits.includes(way);
  const rail = spine.railXs.get(isExit ? way.to : way)!;
  const entry = entryOf(isExit ? way.to : way, way.to, spine);
  const start: Point = [rightOf(spine.places.of.get(row)!), y];
  const whole: Point[] = [start, [rail, y], [rail, entry[1]], entry];
  const above = heightAbove(block);
  const labels = labelsOf(block, spine.columnX, y - above).map((label) =>
    label.y < y - 1 - labelHeight / 2 ? label : { ...label, y: label.y + 4 },
  );
  if (!isExit) return { lines: [edge(way, whole)], labels };
  const stub: Point[] = [start, [rail, y], [rail, y + 14]];
  return { lines: [edge(way, stub, "tap"), edge(way, whole, "trace")], labels };
};

/** The rail of each hub, which its exits share. */
const railLines = (spine: Spine): Line[] =>
  spine.ways.hubs.map((hub) => {
    const exits = spine.places.right.filter(({ what, block }) => block !== undefined && (what as Way).to === hub);
    const entry = entryOf(hub, hub, spine);
    const x = spine.railXs.get(hub)!;
    const points: Point[] = [[x, Math.min(...exits.map(({ y }) => y)) + 10], [x, entry[1]], entry];
    const ends = [...exits.map(({ row }) => row.state.id), hub.state.id];
    return { ids: [], kind: "mixed", role: "rail", points, hasHead: true, ends };
  });

const spanOf = ({ from, to }: Way): number => Math.abs(from.index - to.index);

/** The lanes on the left: ways back are nearest, the shortest first; then ways out of a frame, the latest first. */
const laneXs = ({ ways, center, reach }: Spine): Map<Way, number> => {
  const all = [
    ...[...ways.lanes].sort((one, two) => spanOf(one) - spanOf(two)),
    ...[...ways.leaving].sort((one, two) => two.from.index - one.from.index),
  ];
  const laneOf = (way: Way): number => {
    const among = all.filter((other) => other.isInner === way.isInner && (!way.isInner || other.from.parent === way.from.parent));
    const border = center - reach.left + (way.isInner ? way.from.parent!.depth * inset + firstInnerLane : -firstOuterLane);
    return border - among.indexOf(way) * laneStep;
  };
  return new Map(all.map((way) => [way, laneOf(way)]));
};

const laneLines = (spine: Spine): Drawn[] => {
  const { ways, places, center } = spine;
  const xs = laneXs(spine);
  const touchOf = (way: Way, row: Row) => places.left.find((touch) => touch.what === way && touch.row === row)!;
  return [...ways.leaving, ...ways.lanes].map((way) => {
    const [from, to] = [places.of.get(way.from)!, places.of.get(way.to)!];
    const { y, block } = touchOf(way, way.from);
    const x = xs.get(way)!;
    const turn = bottomOf(places.of.get(way.from.parent ?? way.from)!) - 15;
    const leave = (): Point[] => [
      [x, turn],
      [center, turn],
      [center, to.y],
    ];
    const enter = (): Point[] => [
      [x, touchOf(way, way.to).y],
      [to.x, touchOf(way, way.to).y],
    ];
    const points: Point[] = [[from.x, y], [x, y], ...(ways.leaving.includes(way) ? leave() : enter())];
    const above = heightAbove(block!);
    const labels = labelsOf(block!, from.x - besideLane - block!.width, y - above, "right").map((label) =>
      label.y < y - 1 - labelHeight / 2 ? label : { ...label, y: label.y + 4 },
    );
    return { lines: [edge(way, points)], labels };
  });
};

export const spineLines = (spine: Spine, rootInitial: string | undefined): Drawn & { readonly dots: readonly Point[] } => {
  const initial = initialOf(spine, rootInitial);
  const drawn = [
    ...spine.places.right.map((touch) => tapLines(touch, spine)),
    ...laneLines(spine),
    ...spine.ways.straight.map((way) => straightLine(way, spine, spine.center)),
    ...spine.ways.beside.map((way) => straightLine(way, spine, spine.center + besideOffset)),
  ];
  return {
    lines: [...railLines(spine), ...drawn.flatMap(({ lines }) => lines), ...initial.lines],
    labels: drawn.flatMap(({ labels }) => labels),
    dots: initial.dots,
  };
};
