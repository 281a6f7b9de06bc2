/**
 * A chart as geometry.
 *
 *   every state stands in one column, in the order of the chart; compounds are frames around their part of it
 *   what leads to the next state goes straight down; what several states share as a target runs in a rail on the right
 *   what goes back has a lane on the left; a child machine that spans states is a bar at the far left
 */
import type { Chart, SpawnedChild } from "../charts/graph.ts";
import type { Bar, Box, Caption, Label, Layout, Line } from "./layout.ts";
import { captionLine, headText, headWidth, margin, sizes, wrapped } from "./layout.ts";
import { headerOf } from "./legend.ts";
import { textWidth } from "./measure.ts";
import { everywhereOf } from "./notes.ts";
import type { Spine } from "./spine-lines.ts";
import { firstInnerLane, firstOuterLane, laneStep, spineLines } from "./spine-lines.ts";
import type { Places, Reach } from "./spine-places.ts";
import { exitBlock, inset, laneReach, placesOf } from "./spine-places.ts";
import type { Row, Way, Ways } from "./spine-rows.ts";
import { isFrame, rowsOf, waysOf } from "./spine-rows.ts";

const barGap = 54;
const columnGap = 12;
const railGaps = { few: 18, many: 13 };
const framesReach: Reach = { left: 250, right: 284 };
const bareReach: Reach = { left: 226, right: 92 };

const barWidth = ({ id, states }: Bar["child"]): number =>
  Math.max(textWidth(id, sizes.name, { bold: true }), ...states.map((name) => textWidth(name, sizes.note))) + 22;

/** The child machines that begin in one state and end in one below it; other children are only noted in the boxes. */
const spanning = ({ children }: Chart, rows: readonly Row[]): SpawnedChild[] => {
  const indexOf = (id: string) => rows.findIndex(({ state }) => state.id === id);
  return children.filter(({ states, from, to }) => states.length > 0 && indexOf(from) < indexOf(to));
};

/** A bar for each spanning child, beside the states from its beginning to its end. */
const barsOf = (children: readonly SpawnedChild[], rows: readonly Row[], { of }: Places): Bar[] => {
  let x = margin;
  const placeOf = (id: string): Box => of.get(rows.find(({ state }) => state.id === id)!)!;
  return children.map((child) => {
    const [from, to] = [placeOf(child.from), placeOf(child.to)];
    const bar = { child, x, y: from.y, width: barWidth(child), height: to.y + to.height - from.y };
    x += bar.width + barGap;
    return bar;
  });
};

/** Where the line to a bar leaves its state: in the middle, or below what else touches it there. */
const linkY = (id: string, rows: readonly Row[], { of, left }: Places): number => {
  const row = rows.find(({ state }) => state.id === id)!;
  const { y, height } = of.get(row)!;
  const touches = left.filter((touch) => touch.row === row).map((touch) => touch.y);
  return touches.length === 0 ? y + height / 2 : Math.max(...touches) + 13;
};

/** The lines to a bar, from where its child begins and where it ends. */
const barLinks = (bar: Bar, rows: readonly Row[], places: Places): { lines: Line[]; captions: Caption[] } => {
  const right = bar.x + bar.width;
  const links = ([bar.child.from, bar.child.to] as const).map((id) => {
    const y = linkY(id, rows, places);
    const points: Line["points"] = [
      [places.of.get(rows.find(({ state }) => state.id === id)!)!.x, y],
      [right, y],
    ];
    return { id, y, points };
  });
  return {
    lines: links.map(({ id, points }) => ({ ids: [], kind: "child", role: "edge", points, hasHead: true, ends: [id] })),
    captions: links.map(({ y }, index) => ({
      x: right + 10,
      y: y - 6,
      text: index === 0 ? "begins" : "ends",
      className: "begins",
    })),
  };
};

const outerLanes = ({ lanes }: Ways): number => lanes.filter(({ isInner }) => !isInner).length;

/** The rails and long lines on the right, the one that ends first innermost, so that none crosses the end of another. */
const railsOf = ({ hubs, skips }: Ways): (Row | Way)[] => {
  const endOf = (rail: Row | Way): number => ("to" in rail ? rail.to.index : rail.index);
  return [...hubs, ...skips].sort((one, two) => endOf(one) - endOf(two));
};

interface Columns {
  readonly reach: Reach;
  readonly center: number;
  readonly columnX: number;
  readonly railXs: ReadonlyMap<Row | Way, number>;
  readonly rails: readonly (Row | Way)[];
  readonly width: number;
}

/** The left side has room for the words of its widest inner lane between the box and the first lane. */
const reachOf = (chart: Chart, rows: readonly Row[], { lanes, leaving }: Ways): Reach => {
  const least = rows.some(isFrame) ? framesReach : bareReach;
  const inner = [...lanes, ...leaving].filter(({ isInner }) => isInner);
  const needs = inner.map((way) => laneReach(way, chart) + way.from.depth * inset + firstInnerLane + 2);
  return { ...least, left: Math.ceil(Math.max(least.left, ...needs)) };
};

const columnsOf = (chart: Chart, children: readonly SpawnedChild[], rows: readonly Row[], ways: Ways): Columns => {
  const reach = reachOf(chart, rows, ways);
  const lanes = outerLanes(ways);
  const bars = children.reduce((sum, child) => sum + barWidth(child) + barGap, 0);
  const center = margin + bars + (lanes === 0 ? 0 : firstOuterLane + (lanes - 1) * laneStep) + reach.left;
  const columnX = center + reach.right + columnGap;
  const words = Math.max(0, ...[...ways.exits, ...ways.skips].map((way) => exitBlock(way).width));
  const rails = railsOf(ways);
  const railGap = rails.length > 6 ? railGaps.many : railGaps.few;
  const railXs = new Map(rails.map((rail, index) => [rail, columnX + words + columnGap + index * railGap]));
  const right = rails.length === 0 ? center + reach.right : Math.max(...railXs.values());
  return { reach, center, columnX, rails, railXs, width: Math.ceil(Math.max(right + margin, 480)) };
};

const besideBox = 14;

/** Whether a lane inside the frame of this row runs past it. */
const isPassed = ({ index, parent }: Row, { lanes, leaving }: Ways): boolean =>
  [...lanes, ...leaving].some(
    ({ isInner, from, to }) =>
      isInner && from.parent === parent && Math.min(from.index, to.index) < index && index < Math.max(from.index, to.index),
  );

/** What a frame's state does: after its name and notes, or under them where there is no room. */
const headCaptions = (box: Box): Caption[] => {
  const { x, y } = box;
  const { after, below } = headText(box, box.width);
  return [
    ...after.map((text) => ({ x: x + headWidth(box), y: y + 27, text })),
    ...below.map((text, index) => ({ x: x + 18, y: y + 45 + index * captionLine, text })),
  ];
};

/** What a state does, beside its box or in the head of its frame; only where no line runs there. */
const descriptionsOf = ({ rows, ways, places, center, reach }: Spine, children: readonly SpawnedChild[]): Caption[] =>
  rows.flatMap((row): Caption[] => {
    const { x, y, height, state } = places.of.get(row)!;
    if (isFrame(row)) return headCaptions(places.of.get(row)!);
    if (places.left.some((touch) => touch.row === row) || (row.parent !== undefined && isPassed(row, ways))) return [];
    const lines = wrapped(state.description ?? "", sizes.caption, x - (center - reach.left) - row.depth * inset - besideBox - 10);
    const hasLink = children.some(({ from, to }) => from === state.id || to === state.id);
    const top = y + height / 2 + (hasLink ? 16 : 4 - ((lines.length - 1) * captionLine) / 2);
    return lines.map((text, index) => ({ x: x - besideBox, y: top + index * captionLine, text, className: "end" }));
  });

const rightmost = (labels: readonly Label[]): number => Math.max(0, ...labels.map(({ x, width }) => x + width));

export const spineLayout = (chart: Chart): Layout => {
  const rows = rowsOf(chart);
  const ways = waysOf(chart, rows);
  const children = spanning(chart, rows);
  const { reach, center, columnX, rails, railXs, width } = columnsOf(chart, children, rows, ways);
  const header = headerOf(chart, { rails: ways.hubs.length > 0, bars: children.length > 0 }, width);
  const places = placesOf({ chart, rows, ways, rails, center, reach }, header.bottom + 44);
  const spine: Spine = { rows, ways, places, center, reach, columnX, railXs };
  const { lines, labels, dots } = spineLines(spine, chart.root.initial);
  const bars = barsOf(children, rows, places);
  const links = bars.map((bar) => barLinks(bar, rows, places));
  const everywhere = everywhereOf(chart, places.bottom, width - 2 * margin);
  return {
    width: Math.max(width, Math.ceil(rightmost([...labels, ...everywhere.labels]) + margin)),
    height: Math.ceil(everywhere.bottom + margin),
    header,
    boxes: rows.map((row) => places.of.get(row)!),
    bars,
    dots,
    lines: [...links.flatMap((link) => link.lines), ...lines],
    labels: [...labels, ...everywhere.labels],
    captions: [...descriptionsOf(spine, children), ...links.flatMap(({ captions }) => captions), ...everywhere.captions],
  };
};
