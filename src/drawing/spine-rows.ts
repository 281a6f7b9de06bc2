/** The states of a chart, one under the other, and what kind of line each bundle of arrows becomes. */
import type { Chart, ChartState } from "../charts/graph.ts";
import type { Bundle } from "../charts/words.ts";
import { bundlesOf } from "../charts/words.ts";
import { anyStateOf } from "./notes.ts";

export interface Row {
  readonly state: ChartState;
  readonly index: number;
  /** the index of the last state within it; its own if it is a leaf */
  readonly last: number;
  readonly parent: Row | undefined;
  /** how many frames it stands in */
  readonly depth: number;
}

export interface Way extends Bundle {
  readonly from: Row;
  readonly to: Row;
  /** its line stays within the frame of both: no other frame stands between its ends */
  readonly isInner: boolean;
}

/**
 * `straight`: down to what stands next; `beside`: the same, out of a frame as a whole; `exits`: into a hub, which has a rail;
 * `skips`: past several states, on the right; `leaving`: out of a frame to what stands below it; `lanes`: all others, on the left.
 */
export interface Ways {
  readonly straight: readonly Way[];
  readonly beside: readonly Way[];
  readonly exits: readonly Way[];
  readonly skips: readonly Way[];
  readonly leaving: readonly Way[];
  readonly lanes: readonly Way[];
  readonly hubs: readonly Row[];
}

const fewestExits = 2;
const fewestLeaving = 3;
const within = (state: ChartState): ChartState[] => [state, ...orderOf(state).flatMap(within)];

/** The initial state stands first. */
const orderOf = ({ children, initial }: ChartState): ChartState[] =>
  [...children].sort((one, two) => Number(two.id === initial) - Number(one.id === initial));

/** Ends come last, those that the last step leads to first; `any state` stands above what it leads to. */
const topsOf = (chart: Chart): ChartState[] => {
  const all = orderOf(chart.root);
  const steps = all.filter(({ type }) => type !== "final");
  const last = steps.at(-1);
  const isReached = ({ id }: ChartState) => chart.arrows.some(({ source, target }) => source === last?.id && target === id);
  const ends = all.filter(({ type }) => type === "final").sort((one, two) => Number(isReached(two)) - Number(isReached(one)));
  const [any] = anyStateOf(chart);
  const first = all.find(({ id }) => chart.arrows.some(({ source, target }) => source === chart.root.id && target === id));
  return [...steps, ...ends].flatMap((state) => (any !== undefined && state === first ? [any, state] : [state]));
};

export const rowsOf = (chart: Chart): Row[] => {
  const rows: Row[] = [];
  for (const [index, state] of topsOf(chart).flatMap(within).entries()) {
    const parent = rows.find((row) => row.state === state.parent);
    rows.push({
      state,
      index,
      last: index + within(state).length - 1,
      parent,
      depth: parent === undefined ? 0 : parent.depth + 1,
    });
  }
  return rows;
};

export const isFrame = ({ state }: Row): boolean => state.children.length > 0;
const isNext = ({ from, to }: Way): boolean => !isFrame(from) && to.index === from.index + 1;
const isDown = ({ from, to }: Way): boolean => to.index > from.index;
const isLeaving = ({ from, to }: Ends): boolean => from.parent !== undefined && to.index === from.parent.last + 1;
/** Out of a frame as a whole to the frame below it: drawn beside the spine. */
const isBeside = ({ from, to }: Way): boolean => isFrame(from) && isFrame(to) && to.index === from.last + 1;
type Ends = Pick<Way, "from" | "to">;
const staysInside = (ends: Ends, rows: readonly Row[]): boolean => {
  const { from, to } = ends;
  const [first, last] = [Math.min(from.index, to.index), Math.max(from.index, to.index)];
  const passed = rows.slice(first, isLeaving(ends) ? last : last + 1);
  return from.parent !== undefined && (from.parent === to.parent || isLeaving(ends)) && !passed.some(isFrame);
};

/** Whether several states lead down to a row, besides the one above it. */
const isHub = (row: Row, ways: readonly Way[]): boolean => {
  const into = ways.filter((way) => way.to === row && isDown(way) && (isLeaving(way) || !way.isInner));
  const leaving = into.filter((way) => isLeaving(way) && way.isInner).length;
  const others = into.filter((way) => !isNext(way) && !(isLeaving(way) && way.isInner)).length;
  return others >= fewestExits || leaving >= fewestLeaving;
};

/** A way into a hub from the row above it is split if it has both: the end of work goes straight down, what cuts work takes the rail. */
const split = (way: Way, hubs: readonly Row[]): Way[] => {
  const isDone = (word: Way["words"][number]) => word.parts.some(({ kind }) => kind === "done");
  const cuts = way.words.some(({ kind }) => kind === "command" || kind === "fact");
  if (!hubs.includes(way.to) || !isNext(way) || !cuts || !way.words.some(isDone)) return [way];
  return [
    { ...way, words: way.words.filter(isDone) },
    { ...way, words: way.words.filter((word) => !isDone(word)) },
  ];
};

export const waysOf = (chart: Chart, rows: readonly Row[]): Ways => {
  const rowOf = (id: string) => rows.find(({ state }) => state.id === id)!;
  const all = bundlesOf(chart).map((bundle): Way => {
    const ends = { from: rowOf(bundle.source), to: rowOf(bundle.target) };
    return { ...bundle, ...ends, isInner: staysInside(ends, rows) };
  });
  const hubs = rows.filter((row) => isHub(row, all));
  const cutting = new Set<Way>();
  const kindOf = (way: Way): keyof Ways => {
    if (isNext(way) && !cutting.has(way)) return "straight";
    if (hubs.includes(way.to) && isDown(way) && (isLeaving(way) || !way.isInner)) return "exits";
    if (isBeside(way)) return "beside";
    if (isLeaving(way) && way.isInner) return "leaving";
    return way.isInner || !isDown(way) ? "lanes" : "skips";
  };
  const ways = all.flatMap((way) => {
    const [first, second] = split(way, hubs);
    if (second !== undefined) cutting.add(second);
    return [first!, ...(second === undefined ? [] : [second])];
  });
  const those = (kind: keyof Ways) => ways.filter((way) => kindOf(way) === kind);
  return {
    straight: those("straight"),
    beside: those("beside"),
    exits: those("exits"),
    skips: those("skips"),
    leaving: those("leaving"),
    lanes: those("lanes"),
    hubs,
  };
};
