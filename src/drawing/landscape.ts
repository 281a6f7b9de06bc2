/**
 * The lifecycle on one screen, drawn from the chart: the top-level states from left to right with the first clause of what
 * each does, the rail of exits into the state that most others lead to, and the steps of that state below.
 * What is tagged `ready`, and the child machine, are bars above the states in which they hold.
 */
import type { Arrow, Chart, ChartState, Kind } from "../charts/graph.ts";
import { eventWord } from "../charts/words.ts";
import { escapeXml, rect, text, titled } from "./ink.ts";
import type { Point, Rect } from "./layout.ts";
import { sizes, wrapped } from "./layout.ts";
import { headOf, pathOf } from "./path.ts";
import { chartStyle } from "./style.ts";

const width = 960;
const margin = 16;
const gap = 15;
const boxTop = 80;
const lineHeight = 13;
const noteSize = 11;

interface Tile extends Rect {
  readonly state: ChartState;
  readonly lines: readonly string[];
}

/** `Waits a random time, so that …` → `waits a random time` */
export const firstClause = (description = ""): string => {
  const clause = description.split(/[,;:.](?:\s|$)/)[0]!;
  return clause.charAt(0).toLowerCase() + clause.slice(1);
};

const rowOf = (states: readonly ChartState[], top: number): Tile[] => {
  const each = (width - 2 * margin - gap * (states.length - 1)) / states.length;
  const lines = states.map(({ description }) => wrapped(firstClause(description), noteSize * 1.05, each - 8));
  const height = 34 + lineHeight * Math.max(...lines.map(({ length }) => length));
  return states.map((state, index) => ({
    state,
    lines: lines[index]!,
    x: margin + index * (each + gap),
    y: top,
    width: each,
    height,
  }));
};

const within = (state: ChartState): ChartState[] => [state, ...state.children.flatMap(within)];
const has = (outer: ChartState, id: string): boolean => within(outer).some((state) => state.id === id);
const middleOf = ({ x, width: own }: Rect): number => x + own / 2;
const bottomOf = ({ y, height }: Rect): number => y + height;

/** The state that most others lead to, with those states and the events that lead there. */
interface Hub {
  readonly hub: ChartState;
  readonly sources: readonly ChartState[];
  /** `shutdown`, `an error` */
  readonly causes: readonly string[];
}

const hubOf = ({ root, arrows }: Chart): Hub => {
  const into = (hub: ChartState) => arrows.filter(({ source, target }) => has(hub, target) && !has(hub, source));
  const sourcesOf = (hub: ChartState) => root.children.filter((state) => into(hub).some(({ source }) => has(state, source)));
  const [hub] = [...root.children].sort((one, two) => sourcesOf(two).length - sourcesOf(one).length) as [ChartState];
  const among = (kind: Kind, word: (arrow: Arrow) => string) =>
    into(hub)
      .filter((arrow) => arrow.kind === kind)
      .map(word);
  const causes = [
    ...among("command", (arrow) => eventWord(arrow)),
    ...among("fact", (arrow) => eventWord(arrow)),
    ...among("error", () => "an error"),
    ...among("deadline", () => "a deadline"),
  ];
  return { hub, sources: sourcesOf(hub), causes: [...new Set(causes)] };
};

/** Whether every step has a deadline, and leads to the same states whether it is done, fails or overruns. */
const goesOnAnyway = ({ arrows }: Chart, { children }: ChartState): boolean =>
  children.every(({ id }) => {
    const out = arrows.filter(({ source, isInternal }) => source === id && !isInternal);
    const targetsOf = (kind: Kind) => [...new Set(out.filter((each) => each.kind === kind).map(({ target }) => target))];
    const endings = (["done", "error", "deadline"] as const).map((kind) => targetsOf(kind).sort().join(" ")).filter(Boolean);
    return targetsOf("deadline").length > 0 && new Set(endings).size === 1;
  });

const arrow = (points: readonly Point[], className: string): string =>
  `<g class="line ${className}"><path d="${pathOf(points, 4)}"/><path class="head" d="${headOf(points, 7)}"/></g>`;

const arrowsBetween = (tiles: readonly Tile[], className: string): string[] =>
  tiles.slice(1).map((tile, index) => {
    const y = tile.y + tile.height / 2;
    const points: Point[] = [
      [tiles[index]!.x + tile.width, y],
      [tile.x, y],
    ];
    return arrow(points, className);
  });

const tileInk = (tile: Tile, className: string): string => {
  const { state, lines, x, y, width: own, height } = tile;
  const center = middleOf(tile);
  const inner = state.type === "final" ? rect({ x: x + 3.5, y: y + 3.5, width: own - 7, height: height - 7 }, 6, "inner") : "";
  const top = y + (height - 16 - lines.length * lineHeight) / 2;
  const words = lines.map((line, index) => text(center, top + 28 + index * lineHeight, "does mid", line));
  return `<g class="state ${className}" data-state="${escapeXml(state.id)}">${titled(state.description)}${rect(tile, 9)}${inner}${text(center, top + 13, "name mid", state.name)}${words.join("")}</g>`;
};

interface Span {
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly className: string;
}

/** The bar of what is tagged `ready`. It begins in the middle of a state of which only a substate has the tag. */
const readySpan = (tiles: readonly Tile[]): Span[] => {
  const ready = tiles.filter(({ state }) => within(state).some(({ tags }) => tags.includes("ready")));
  const [first, last] = [ready.at(0), ready.at(-1)];
  if (first === undefined || last === undefined) return [];
  const from = first.state.tags.includes("ready") ? first.x : middleOf(first);
  return [{ from, to: last.x + last.width, label: "takes traffic", className: "done" }];
};

const childSpans = ({ children }: Chart, tiles: readonly Tile[]): Span[] =>
  children.flatMap(({ id, description, from, to }) => {
    const [first, last] = [from, to].map((end) => tiles.find(({ state }) => has(state, end)));
    if (first === undefined || last === undefined) return [];
    const end = last.state.id === to ? last.x + last.width : middleOf(last);
    return [
      { from: first.x + 20, to: end, label: [id, firstClause(description)].filter(Boolean).join(": "), className: "child" },
    ];
  });

const spanInk = ({ from, to, label, className }: Span, y: number): string => {
  const bar = rect({ x: from, y: y - 7, width: to - from, height: 6 }, 3, "span");
  return `<g class="${className}">${bar}<text class="spanned end" x="${from - 8}" y="${y}">${escapeXml(label)}</text></g>`;
};

/** A short line down from each source, and the rail that they share into the hub. */
const railInk = (sources: readonly Tile[], hub: Tile): string => {
  const bottom = bottomOf(hub);
  const [railY, hubX] = [bottom + 22, hub.x + hub.width * 0.3];
  const taps = sources.map((tile) => {
    const x = middleOf(tile);
    const points: Point[] = [
      [x, bottom],
      [x, railY],
      [x + 14, railY],
    ];
    return `<g class="tap"><path d="${pathOf(points, 0)}"/></g>`;
  });
  const rail: Point[] = [
    [middleOf(sources[0]!) + 10, railY],
    [hubX, railY],
    [hubX, bottom],
  ];
  return `${taps.join("")}<g class="rail"><path d="${pathOf(rail, 5)}"/><path class="head" d="${headOf(rail, 10)}"/></g>`;
};

const joined = (parts: readonly string[]): string => [parts.slice(0, -1).join(", "), parts.at(-1)].filter(Boolean).join(" or ");

/** The arrows from the hub to its first step, from step to step, and from the last step to the end. */
const stepsInk = (steps: readonly Tile[], hub: Tile, end: Tile): string[] => {
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const [x, turn, endX] = [hub.x + hub.width * 0.72, first.y - 18, middleOf(end)];
  const down: Point[] = [
    [x, bottomOf(hub)],
    [x, turn],
    [first.x + 14, turn],
    [first.x + 14, first.y],
  ];
  const up: Point[] = [
    [endX, last.y],
    [endX, bottomOf(end)],
  ];
  return [arrow(down, "deadline"), ...arrowsBetween(steps, "deadline"), arrow(up, "deadline")];
};

const landscapeStyle = `
.sg-chart .does{font-size:11px;fill:var(--sg-mute)}
.sg-chart .state>.name{font-size:13.5px}
.sg-chart .undoing>rect{fill:var(--sg-deadline-tint);stroke:var(--sg-deadline);stroke-opacity:.7}
.sg-chart .span{fill:var(--ink)}
.sg-chart .spanned{font-size:12px;font-weight:600;fill:var(--ink)}
.sg-chart .tap path{fill:none;stroke:var(--sg-rail);stroke-width:1.8}
.sg-chart .sentence,.sg-chart .remark{font-size:13px;fill:var(--sg-mute)}
.sg-chart .remark{font-size:12px}
`;

const classOf = (state: ChartState, hub: ChartState): string => {
  if (state === hub) return "undoing";
  return within(state).some(({ tags }) => tags.includes("ready")) ? "ready" : state.type;
};

export const landscapeOf = (name: string, chart: Chart): string => {
  const { hub, sources, causes } = hubOf(chart);
  const tiles = rowOf(chart.root.children, boxTop);
  const tileOf = (state: ChartState): Tile => tiles.find((tile) => tile.state === state)!;
  const bottom = bottomOf(tiles[0]!);
  const steps = rowOf(hub.children, bottom + 74);
  const spans = [...childSpans(chart, tiles), ...readySpan(tiles)];
  const exits = sources.map(tileOf).filter(({ x }) => x < tileOf(hub).x);
  const remark = goesOnAnyway(chart, hub)
    ? "each step has a deadline; one that fails or overruns is named, and the next one runs"
    : "";
  const height = Math.ceil(bottomOf(steps[0]!) + (remark === "" ? margin : 32));
  const [sentence = ""] = wrapped(chart.root.description ?? "", sizes.sentence, width);
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" data-chart="${name}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(`The states of ${name}: ${chart.root.children.map((state) => state.name).join(", ")}`)}">
<style>${chartStyle}${landscapeStyle}</style>
<rect class="paper" width="${width}" height="${height}" rx="14"/>
${text(margin, 24, "sentence", sentence)}
${spans.map((span, index) => spanInk(span, 50 + index * 18)).join("\n")}
${arrowsBetween(tiles.slice(0, tiles.indexOf(tileOf(hub)) + 1), "command").join("")}
${railInk(exits, tileOf(hub))}
${text(middleOf(exits[0]!) + 14, bottom + 42, "remark", `${joined(causes)}: the same way out, from any of these`)}
${stepsInk(steps, tileOf(hub), tiles.at(-1)!).join("")}
${tiles.map((tile) => tileInk(tile, classOf(tile.state, hub))).join("\n")}
${steps.map((tile) => tileInk(tile, "undoing")).join("\n")}
${remark && text(margin, height - 11, "remark", remark)}
</svg>
`;
};
