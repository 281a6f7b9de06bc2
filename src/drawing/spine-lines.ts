/** The lines of a spine and the words on them. */
import type { Line, Pill, Point } from "./layout.ts";
import { pillHeight, pillsOf } from "./layout.ts";
import type { Places, Tap } from "./spine-places.ts";
import { frameHalf, isFrame, portStep, portsOf, straightBlock } from "./spine-places.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";
import { kindOfLine } from "./words.ts";

export interface Spine {
  readonly rows: readonly Row[];
  readonly ways: Ways;
  readonly places: Places;
  readonly center: number;
  /** the exits' words begin here */
  readonly columnX: number;
  /** of the rail of each hub, then of the lane of each skip */
  readonly railXs: readonly number[];
}

interface Drawn {
  readonly lines: readonly Line[];
  readonly pills: readonly Pill[];
}

const laneStep = 18;
const firstInnerLane = 48;
const firstOuterLane = 20;

const idsOf = ({ words }: Pick<Way, "words">): string[] => words.map(({ id }) => id);
const edge = (way: Way, points: readonly Point[], role: Line["role"] = "edge"): Line => ({
  ids: idsOf(way),
  kind: kindOfLine(way.words),
  role,
  points,
  hasHead: role !== "tap",
  ends: [way.source, way.target],
});
const bottomOf = ({ y, height }: { y: number; height: number }): number => y + height;
const rightOf = ({ x, width }: { x: number; width: number }): number => x + width;

/** Down to what stands next; out of a frame the words wait until the frame has ended. */
const straightLine = (way: Way, { places, center }: Spine): Drawn => {
  const to = places.of.get(way.to)!;
  const start = bottomOf(places.of.get(way.from)!);
  const frame = way.from.parent !== way.to.parent && way.from.parent ? places.of.get(way.from.parent) : undefined;
  const free = frame === undefined ? start : bottomOf(frame);
  const block = straightBlock(way.words);
  const top = free + Math.max(9, (to.y - 8 - free - block.height) / 2);
  return {
    lines: [
      edge(way, [
        [center, start],
        [center, to.y],
      ]),
    ],
    pills: pillsOf(block, center - block.width / 2, top),
  };
};

/** The dot of each compound, and of the chart. */
const initialOf = ({ rows, places, center }: Spine): { lines: Line[]; dots: Point[] } => {
  const first = [rows[0], ...rows.filter(isFrame).map((frame) => rows[frame.index + 1])].flatMap((row) => row ?? []);
  const lines = first.map((row): Line => {
    const { y } = places.of.get(row)!;
    return {
      ids: [],
      kind: "initial",
      role: "edge",
      points: [
        [center, y - 22],
        [center, y],
      ],
      hasHead: true,
      ends: [row.state.id],
    };
  });
  return { lines, dots: lines.map(({ points }) => points[0]!) };
};

const railOf = (way: Way, { ways, railXs }: Spine): number =>
  ways.hubs.includes(way.to) ? railXs[ways.hubs.indexOf(way.to)]! : railXs[ways.hubs.length + ways.skips.indexOf(way)]!;

/** Where lines from the right enter a row: the head of a frame, the middle of a box. */
const entryOf = (row: Row, { places }: Spine): Point => {
  const place = places.of.get(row)!;
  return [rightOf(place), isFrame(row) ? place.y + 22 : place.y + place.height / 2];
};

const tapLines = (tap: Tap, spine: Spine): Drawn => {
  const { way, y, block } = tap;
  const rail = railOf(way, spine);
  const entry = entryOf(way.to, spine);
  const start: Point = [rightOf(spine.places.of.get(way.from)!), y];
  const whole: Point[] = [start, [rail, y], [rail, entry[1]], entry];
  const pills = pillsOf(block, spine.columnX, y - block.height / 2);
  if (!spine.ways.hubs.includes(way.to)) return { lines: [edge(way, whole)], pills };
  const stub: Point[] = [start, [rail, y], [rail, y + (entry[1] > y ? 14 : -14)]];
  return { lines: [edge(way, stub, "tap"), edge(way, whole, "trace")], pills };
};

/** What the exits into one hub share. */
const rails = (spine: Spine): Line[] =>
  spine.ways.hubs.map((hub, index) => {
    const ways = spine.ways.exits.filter(({ to }) => to === hub);
    const ys = spine.places.taps.filter(({ way }) => way.to === hub).map(({ y }) => y);
    const entry = entryOf(hub, spine);
    const x = spine.railXs[index]!;
    const points: Point[] = [[x, Math.min(...ys) + 10], [x, entry[1]], entry];
    return {
      ids: [],
      kind: "mixed",
      role: "rail",
      points,
      hasHead: true,
      ends: [...ways.map(({ source }) => source), hub.state.id],
    };
  });

const spanOf = ({ from, to }: Way): number => Math.abs(from.index - to.index);
const isInner = ({ from, to }: Way, { leaving }: Ways): boolean =>
  from.parent !== undefined && (from.parent === to.parent || leaving.some((way) => way.from === from && way.to === to));

/** On the left: the way back is nearest, then the ways out of the frame, the latest first. */
const laneXs = ({ ways, center }: Spine): Map<Way, number> => {
  const all = [
    ...[...ways.lanes].sort((one, two) => spanOf(one) - spanOf(two)),
    ...[...ways.leaving].sort((one, two) => two.from.index - one.from.index),
  ];
  const rank = (way: Way, among: readonly Way[]) => among.indexOf(way) * laneStep;
  return new Map(
    all.map((way) => {
      if (!isInner(way, ways)) {
        return [
          way,
          center -
            frameHalf -
            firstOuterLane -
            rank(
              way,
              all.filter((other) => !isInner(other, ways)),
            ),
        ];
      }
      const siblings = all.filter((other) => isInner(other, ways) && other.from.parent === way.from.parent);
      return [way, center - frameHalf + firstInnerLane - rank(way, siblings)];
    }),
  );
};

/** Hands out the ports on the left side of each row, from the top. */
const portsFrom = ({ ways, places }: Spine): ((row: Row) => number) => {
  const used = new Map<Row, number>();
  return (row) => {
    const index = used.get(row) ?? 0;
    used.set(row, index + 1);
    const { y, height } = places.of.get(row)!;
    return isFrame(row) ? y + 22 + index * portStep : y + height / 2 + (index - (portsOf(row, ways) - 1) / 2) * portStep;
  };
};

const laneLines = (spine: Spine): Drawn[] => {
  const { ways, places, center } = spine;
  const xs = laneXs(spine);
  const portOf = portsFrom(spine);
  const inOrder = [...ways.leaving, ...ways.lanes].sort((one, two) => one.from.index - two.from.index);
  return inOrder.map((way) => {
    const from = places.of.get(way.from)!;
    const to = places.of.get(way.to)!;
    const [x, y] = [xs.get(way)!, portOf(way.from)];
    const frame = places.of.get(way.from.parent ?? way.from)!;
    const turn = bottomOf(frame) - 15;
    const rest: Point[] = ways.leaving.includes(way)
      ? [
          [x, turn],
          [center, turn],
          [center, to.y],
        ]
      : [[x, portOf(way.to)]].flatMap(([lane, port]): Point[] => [
          [lane!, port!],
          [to.x, port!],
        ]);
    const block = straightBlock(way.words);
    return {
      lines: [edge(way, [[from.x, y], [x, y], ...rest])],
      pills: pillsOf(block, from.x - 12 - block.width, y - block.height / 2),
    };
  });
};

/** A frame's reactions, at the right of its head. */
export const headPills = (words: Way["words"], frame: { x: number; y: number; width: number }): Pill[] => {
  const block = straightBlock(words);
  return pillsOf(block, frame.x + frame.width - 16 - block.width, frame.y + 22 - pillHeight / 2);
};

export const spineLines = (spine: Spine): Drawn & { readonly dots: readonly Point[] } => {
  const initial = initialOf(spine);
  const drawn = [
    ...spine.places.taps.map((tap) => tapLines(tap, spine)),
    ...laneLines(spine),
    ...spine.ways.straight.map((way) => straightLine(way, spine)),
  ];
  return {
    lines: [...rails(spine), ...drawn.flatMap(({ lines }) => lines), ...initial.lines],
    pills: drawn.flatMap(({ pills }) => pills),
    dots: initial.dots,
  };
};
