/** The states of a chart with a spine, one under the other, and what kind of line each bundle of arrows becomes. */
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
}

export interface Way extends Bundle {
  readonly from: Row;
  readonly to: Row;
}

/**
 * `straight`: down to what stands next; `beside`: the same, out of a frame as a whole; `exits`: into a hub, which has a rail; `skips`: past several states, on the right;
 * `leaving`: out of a frame to what stands below it; `lanes`: all others, on the left.
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

const fewestExits = 3;
const within = (state: ChartState): ChartState[] => [state, ...state.children.flatMap(within)];

/** Ends that many states share come last, and `any state` stands above what it leads to. */
const orderOf = (chart: Chart): ChartState[] => {
  const sources = ({ id }: ChartState) =>
    new Set(chart.arrows.filter(({ target }) => target === id).map(({ source }) => source)).size;
  const isShared = (state: ChartState) => state.type === "final" && sources(state) >= fewestExits;
  const tops = [...chart.root.children].sort((one, two) => Number(isShared(one)) - Number(isShared(two)));
  const [any] = anyStateOf(chart);
  const first = tops.find(({ id }) => chart.arrows.some(({ source, target }) => source === chart.root.id && target === id));
  return tops.flatMap((state) => (any !== undefined && state === first ? [any, state] : [state]));
};

export const rowsOf = (chart: Chart): Row[] => {
  const rows: Row[] = [];
  for (const [index, state] of orderOf(chart).flatMap(within).entries()) {
    const parent = rows.find((row) => row.state === state.parent);
    rows.push({ state, index, last: index + within(state).length - 1, parent });
  }
  return rows;
};

const isFrame = ({ state }: Row): boolean => state.children.length > 0;
const isNext = ({ from, to }: Way): boolean => !isFrame(from) && to.index === from.index + 1;
const isLeaving = ({ from, to }: Way): boolean => from.parent !== undefined && to.index === from.parent.last + 1;
/** Out of a frame to a frame below it: there is room beside the spine. */
const isBeside = ({ from, to }: Way): boolean => isFrame(from) && isFrame(to) && to.index === from.last + 1;
const sharesParent = ({ from, to }: Way): boolean => from.parent === to.parent;
/** A state that is entered from many places other than the one above it. */
const isHub = (row: Row, ways: readonly Way[]): boolean =>
  ways.filter((way) => way.to === row && !isNext(way) && !isLeaving(way)).length >= fewestExits;

/** What leads to the hub from right above it: its happy words go straight, the others take the rail. */
const split = (way: Way, hubs: readonly Row[]): Way[] => {
  if (!hubs.includes(way.to) || !isNext(way)) return [way];
  const isHappy = (word: Way["words"][number]) => word.kind === "done";
  return [
    { ...way, words: way.words.filter(isHappy) },
    { ...way, words: way.words.filter((word) => !isHappy(word)) },
  ].filter(({ words }) => words.length > 0);
};

export const waysOf = (chart: Chart, rows: readonly Row[]): Ways => {
  const rowOf = (id: string) => rows.find(({ state }) => state.id === id)!;
  const all = bundlesOf(chart).map((bundle): Way => ({ ...bundle, from: rowOf(bundle.source), to: rowOf(bundle.target) }));
  const hubs = rows.filter((row) => isHub(row, all));
  const kindOf = (way: Way): keyof Ways => {
    if (hubs.includes(way.to)) return isNext(way) && way.words.every(({ kind }) => kind === "done") ? "straight" : "exits";
    if (isNext(way)) return "straight";
    if (isBeside(way)) return "beside";
    if (isLeaving(way)) return "leaving";
    return !sharesParent(way) || way.from.parent === undefined ? (way.to.index > way.from.index ? "skips" : "lanes") : "lanes";
  };
  const ways = all.flatMap((way) => split(way, hubs));
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

const isInside = (state: ChartState | undefined, outer: ChartState): boolean =>
  state !== undefined && (state === outer || isInside(state.parent, outer));

/** Whether the top-level states follow one another: each but the ends, and what starts from everywhere, is led to by the one before. */
export const hasSpine = (chart: Chart): boolean => {
  const stateOf = (id: string) => chart.states.find((state) => state.id === id);
  const leads = (from: ChartState, to: ChartState) =>
    chart.arrows.some(({ source, target }) => isInside(stateOf(source), from) && isInside(stateOf(target), to));
  const startsEverywhere = ({ id }: ChartState) =>
    chart.arrows.some(({ source, target }) => source === chart.root.id && target === id);
  const steps = chart.root.children.filter((state) => state.type !== "final" && !startsEverywhere(state));
  return steps.slice(1).every((state, index) => leads(steps[index]!, state));
};
