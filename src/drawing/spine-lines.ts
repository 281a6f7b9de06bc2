/** The lines of a spine and the words on them. */

import { kindOfLine } from "../charts/words.ts";
import type { Line, Pill, Point } from "./layout.ts";
import { columnOf, pillHeight, pillsOf } from "./layout.ts";
import type { Places, Tap } from "./spine-places.ts";
import { frameHalf, isFrame, isInner, straightBlock } from "./spine-places.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";

export interface Spine {
  readonly rows: readonly Row[];
  readonly ways: Ways;
  readonly places: Places;
  readonly center: number;
  /** the exits' words begin here */
  readonly columnX: number;
  /** of each hub's rail and each skip's lane */
  readonly railXs: ReadonlyMap<Row | Way, number>;
}

interface Drawn {
  readonly lines: readonly Line[];
  readonly pills: readonly Pill[];
}

const laneStep = 18;
const firstInnerLane = 48;
const firstOuterLane = 20;
const besideOffset = 176;
const headMiddle = 22;
const entryStep = 14;

const edge = (way: Way, points: readonly Point[], role: Line["role"] = "edge"): Line => ({
  ids: way.words.map(({ id }) => id),
  kind: kindOfLine(way.words),
  role,
  points,
  hasHead: role !== "tap",
  ends: [way.source, way.target],
});
const bottomOf = ({ y, height }: { y: number; height: number }): number => y + height;
const rightOf = ({ x, width }: { x: number; width: number }): number => x + width;

/** Down to what stands next, at `x`; out of a frame the words wait until the frame has ended. */
const straightLine = (way: Way, { places }: Spine, x: number): Drawn => {
  const to = places.of.get(way.to)!;
  const start = bottomOf(places.of.get(way.from)!);
  const frame = way.from.parent !== way.to.parent && way.from.parent ? places.of.get(way.from.parent) : undefined;
  const free = frame === undefined ? start : bottomOf(frame);
  const block = straightBlock(way.words);
  const top = free + Math.max(9, (to.y - 8 - free - block.height) / 2);
  const points: Point[] = [
    [x, start],
    [x, to.y],
  ];
  return { lines: [edge(way, points)], pills: pillsOf(block, x - block.width / 2, top) };
};

/** The dot of each compound, and of the chart. */
const initialOf = ({ rows, places, center }: Spine): { lines: Line[]; dots: Point[] } => {
  const first = [rows[0], ...rows.filter(isFrame).map((frame) => rows[frame.index + 1])].flatMap((row) => row ?? []);
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

/** Where a line from the right enters a row: the head of a frame, the middle of a box; several one under the other. */
const entryOf = (way: Way, { places, ways }: Spine): Point => {
  const place = places.of.get(way.to)!;
  const arriving = ways.skips.filter(({ to }) => to === way.to);
  const offset = ways.hubs.includes(way.to) ? 0 : arriving.indexOf(way) - (isFrame(way.to) ? 0 : (arriving.length - 1) / 2);
  const middle = isFrame(way.to) ? headMiddle : place.height / 2;
  return [rightOf(place), place.y + middle + offset * entryStep];
};

const tapLines = (tap: Tap, spine: Spine): Drawn => {
  const { way, y, block } = tap;
  const isExit = spine.ways.hubs.includes(way.to);
  const rail = spine.railXs.get(isExit ? way.to : way)!;
  const entry = entryOf(way, spine);
  const start: Point = [rightOf(spine.places.of.get(way.from)!), y];
  const whole: Point[] = [start, [rail, y], [rail, entry[1]], entry];
  const pills = pillsOf(block, spine.columnX, y - block.height / 2);
  if (!isExit) return { lines: [edge(way, whole)], pills };
  const stub: Point[] = [start, [rail, y], [rail, y + (entry[1] > y ? 14 : -14)]];
  return { lines: [edge(way, stub, "tap"), edge(way, whole, "trace")], pills };
};

/** What the exits into one hub share. */
const railLines = (spine: Spine): Line[] =>
  spine.ways.hubs.map((hub) => {
    const exits = spine.places.taps.filter(({ way }) => way.to === hub);
    const entry = entryOf(exits[0]!.way, spine);
    const x = spine.railXs.get(hub)!;
    const points: Point[] = [[x, Math.min(...exits.map(({ y }) => y)) + 10], [x, entry[1]], entry];
    const ends = [...exits.map(({ way }) => way.source), hub.state.id];
    return { ids: [], kind: "mixed", role: "rail", points, hasHead: true, ends };
  });

const spanOf = ({ from, to }: Way): number => Math.abs(from.index - to.index);

/** On the left: the way back is nearest, then the ways out of the frame, the latest first. */
const laneXs = ({ ways, center }: Spine): Map<Way, number> => {
  const all = [
    ...[...ways.lanes].sort((one, two) => spanOf(one) - spanOf(two)),
    ...[...ways.leaving].sort((one, two) => two.from.index - one.from.index),
  ];
  const laneOf = (way: Way): number => {
    const inner = isInner(way, ways);
    const among = all.filter((other) => isInner(other, ways) === inner && (!inner || other.from.parent === way.from.parent));
    return center - frameHalf + (inner ? firstInnerLane : -firstOuterLane) - among.indexOf(way) * laneStep;
  };
  return new Map(all.map((way) => [way, laneOf(way)]));
};

const laneLines = (spine: Spine): Drawn[] => {
  const { ways, places, center } = spine;
  const xs = laneXs(spine);
  const portOf = (way: Way, row: Row) => places.ports.find((port) => port.way === way && port.row === row)!.y;
  return [...ways.leaving, ...ways.lanes].map((way) => {
    const [from, to] = [places.of.get(way.from)!, places.of.get(way.to)!];
    const [x, y] = [xs.get(way)!, portOf(way, way.from)];
    const turn = bottomOf(places.of.get(way.from.parent ?? way.from)!) - 15;
    const leave = (): Point[] => [
      [x, turn],
      [center, turn],
      [center, to.y],
    ];
    const enter = (): Point[] => [
      [x, portOf(way, way.to)],
      [to.x, portOf(way, way.to)],
    ];
    const points: Point[] = [[from.x, y], [x, y], ...(ways.leaving.includes(way) ? leave() : enter())];
    const block = columnOf(way.words);
    return { lines: [edge(way, points)], pills: pillsOf(block, from.x - 12 - block.width, y - block.height / 2) };
  });
};

/** A frame's reactions, at the right of its head. */
export const headPills = (words: Way["words"], frame: { x: number; y: number; width: number }): Pill[] => {
  const block = straightBlock(words);
  return pillsOf(block, rightOf({ ...frame }) - 16 - block.width, frame.y + headMiddle - pillHeight / 2);
};

export const spineLines = (spine: Spine): Drawn & { readonly dots: readonly Point[] } => {
  const initial = initialOf(spine);
  const drawn = [
    ...spine.places.taps.map((tap) => tapLines(tap, spine)),
    ...laneLines(spine),
    ...spine.ways.straight.map((way) => straightLine(way, spine, spine.center)),
    ...spine.ways.beside.map((way) => straightLine(way, spine, spine.center + besideOffset)),
  ];
  return {
    lines: [...railLines(spine), ...drawn.flatMap(({ lines }) => lines), ...initial.lines],
    pills: drawn.flatMap(({ pills }) => pills),
    dots: initial.dots,
  };
};
