/**
 * A picture of a chart whose states follow one another.
 *
 *   every state stands in one column, in the order of the chart; compounds are frames around their part of it
 *   what leads to the next state goes straight down; what many states share as a target runs in a rail on the right
 *   what goes back has a lane on the left; a child machine that spans states is a bar at the far left
 */
import type { Chart } from "../charts/graph.ts";
import { reactionsOf } from "../charts/words.ts";
import type { Bar, Layout, Line } from "./layout.ts";
import { everywhereOf, headerHeight, margin } from "./notes.ts";
import type { Spine } from "./spine-lines.ts";
import { headPills, spineLines } from "./spine-lines.ts";
import type { Places } from "./spine-places.ts";
import { frameHalf, isFrame, placesOf } from "./spine-places.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";
import { rowsOf, waysOf } from "./spine-rows.ts";

const barWidth = 46;
const barGap = 52;
const laneStep = 18;
const columnGap = 18;
const railGap = 26;

/** A bar for each child machine, beside the states from its beginning to its end. */
const barsOf = (chart: Chart, rows: readonly Row[], { of }: Places): Bar[] =>
  chart.children.flatMap((child, index) => {
    const [from, to] = [child.from, child.to].map((id) => of.get(rows.find(({ state }) => state.id === id)!));
    if (from === undefined || to === undefined) return [];
    const x = margin + index * (barWidth + barGap);
    return [{ child, x, y: from.y, width: barWidth, height: to.y + to.height - from.y }];
  });

const barLinks = (bar: Bar, rows: readonly Row[], { of }: Places): Line[] => {
  const at = (id: string) => of.get(rows.find(({ state }) => state.id === id)!)!;
  const [from, to] = [at(bar.child.from), at(bar.child.to)];
  const right = bar.x + bar.width;
  const line = (points: Line["points"], id: string): Line => ({
    ids: [],
    kind: "child",
    role: "edge",
    points,
    hasHead: true,
    ends: [id],
  });
  const [first, last] = [from.y + from.height / 2, to.y + to.height / 2];
  return [
    line(
      [
        [from.x, first],
        [right, first],
      ],
      bar.child.from,
    ),
    line(
      [
        [to.x, last],
        [right, last],
      ],
      bar.child.to,
    ),
  ];
};

const outerLanes = ({ lanes }: Ways): number =>
  lanes.filter(({ from, to }) => from.parent === undefined || from.parent !== to.parent).length;

/** What runs on the right, the shortest innermost, so that a long one goes around it. */
const railsOf = ({ hubs, skips, exits }: Ways): (Row | Way)[] => {
  const startOf = (hub: Row) => Math.min(...exits.filter(({ to }) => to === hub).map(({ from }) => from.index));
  const span = (one: number, two: number) => Math.abs(one - two);
  const rails = [
    ...hubs.map((hub) => ({ rail: hub as Row | Way, length: span(startOf(hub), hub.index) })),
    ...skips.map((way) => ({ rail: way as Row | Way, length: span(way.from.index, way.to.index) })),
  ];
  return rails.sort((one, two) => one.length - two.length).map(({ rail }) => rail);
};

export const spineLayout = (chart: Chart): Layout => {
  const rows = rowsOf(chart);
  const ways = waysOf(chart, rows);
  const lanes = outerLanes(ways);
  const left = margin + chart.children.length * (barWidth + barGap) + (lanes === 0 ? 0 : lanes * laneStep + 12);
  const center = left + frameHalf;
  const everywhere = everywhereOf(chart, headerHeight + 14, center - 80 - margin - 26);
  const places = placesOf(chart, rows, ways, center, headerHeight + 36);
  const columnX = center + frameHalf + columnGap;
  const firstRail = columnX + Math.max(0, ...places.taps.map(({ block }) => block.width)) + columnGap;
  const railXs = new Map(railsOf(ways).map((rail, index) => [rail, firstRail + index * railGap]));
  const spine: Spine = { rows, ways, places, center, columnX, railXs };
  const { lines, pills, dots } = spineLines(spine);
  const boxes = rows.map((row) => places.of.get(row)!);
  const heads = rows.filter(isFrame).flatMap((row) => headPills(reactionsOf(row.state, chart), places.of.get(row)!));
  const bars = barsOf(chart, rows, places);
  return {
    width: Math.ceil(Math.max(center + frameHalf, ...railXs.values()) + margin),
    height: Math.ceil(places.bottom + margin),
    boxes,
    bars,
    dots,
    lines: [...bars.flatMap((bar) => barLinks(bar, rows, places)), ...lines],
    pills: [...pills, ...heads, ...everywhere.pills],
    captions: everywhere.captions,
  };
};
