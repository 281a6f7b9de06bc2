/** A layout as SVG: the same bytes for the same layout, light and dark in one file, every state and arrow marked. */
import type { Kind } from "../charts/graph.ts";
import type { Bar, Box, Caption, Layout, Line, Note, Pill, Point } from "./layout.ts";
import { baselines, markWidth, noteWidth, sizes } from "./layout.ts";
import { textWidth } from "./measure.ts";
import { margin } from "./notes.ts";
import { headOf, pathOf, px } from "./path.ts";
import { chartStyle } from "./style.ts";

const signs: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (sign) => signs[sign]!);

const rect = ({ x, y, width, height }: Omit<Bar, "child">, radius: number, className = ""): string =>
  `<rect${className && ` class="${className}"`} x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" rx="${radius}"/>`;
const text = (x: number, y: number, className: string, content: string): string =>
  `<text class="${className}" x="${px(x)}" y="${px(y)}">${escapeXml(content)}</text>`;

/** The small shapes before a note; drawn, because fonts disagree about such signs. */
const marks: Readonly<Record<Note["mark"], (x: number, y: number) => string>> = {
  invokes: (x, y) => `<path class="mark" d="M${px(x)} ${px(y - 8.5)}l8 4.5l-8 4.5z"/>`,
  begins: (x, y) => `<path class="mark" d="M${px(x + 4.5)} ${px(y - 8.5)}l4.5 4.5l-4.5 4.5l-4.5-4.5z"/>`,
  ends: (x, y) => `<path class="mark hollow" d="M${px(x + 4.5)} ${px(y - 8)}l4 4l-4 4l-4-4z"/>`,
  reacts: (x, y) => `<path class="mark hollow" d="M${px(x + 7.5)} ${px(y - 6.5)}a4 4 0 1 0 1 3.5m-1-6.5v3h-3"/>`,
};

const noteInk = (note: Note, x: number, y: number): string => {
  const edge = note.word === undefined ? "" : ` data-edge="${escapeXml(note.word.id)}"`;
  return `<g${edge}>${marks[note.mark](x, y)}${text(x + markWidth, y, "note", note.text)}</g>`;
};

const leafInk = (box: Box): string => {
  const center = box.x + box.width / 2;
  const { name, notes } = baselines(box);
  return [
    text(center, name, "name mid", box.state.name),
    ...box.notes.map((note, index) => noteInk(note, center - noteWidth(note) / 2, notes[index]!)),
  ].join("");
};

/** A frame's name, and what it invokes beside it. */
const frameInk = (box: Box): string => {
  let x = box.x + 18 + textWidth(box.state.name, sizes.name, { bold: true }) + 14;
  const notes = box.notes.map((note) => {
    const ink = noteInk(note, x, box.y + 27);
    x += noteWidth(note) + 14;
    return ink;
  });
  return text(box.x + 18, box.y + 27, "name", box.state.name) + notes.join("");
};

const boxInk = (box: Box): string => {
  const { state } = box;
  const isFrame = state.children.length > 0;
  const classes = ["state", isFrame ? "frame" : state.type, ...state.tags].join(" ");
  const inset = { x: box.x + 4, y: box.y + 4, width: box.width - 8, height: box.height - 8 };
  const inner = state.type === "final" ? rect(inset, 7, "inner") : "";
  return `<g class="${classes}" data-state="${escapeXml(state.id)}">${rect(box, isFrame ? 16 : 10)}${inner}${isFrame ? frameInk(box) : leafInk(box)}</g>`;
};

const lineInk = ({ ids, kind, role, points, hasHead }: Line): string => {
  const classes = role === "rail" ? "rail" : `line ${role === "edge" ? "" : `${role} `}${kind}`;
  const edge = ids.length === 0 ? "" : ` data-edge="${escapeXml(ids.join(" "))}"`;
  const head = hasHead ? `<path class="head" d="${headOf(points, role === "rail" ? 10 : 8)}"/>` : "";
  const length = role === "rail" || kind === "child" ? "" : ` pathLength="1"`;
  return `<g class="${classes}"${edge}><path d="${pathOf(points, hasHead ? 5 : 0)}"${length}/>${head}</g>`;
};

/** A guard is quieter than its event, unless it is all there is. */
const pillText = ({ text: event, guard }: Pill["word"]): string => {
  if (event === "" || guard === "") return escapeXml(event + guard);
  return `${escapeXml(event)} <tspan class="guard">${escapeXml(guard)}</tspan>`;
};

const pillInk = (pill: Pill): string => {
  const { word } = pill;
  const [x, y] = [px(pill.x + pill.width / 2), px(pill.y + 13.5)];
  return `<g class="pill ${word.kind}" data-edge="${escapeXml(word.id)}">${rect(pill, 9.5)}<text x="${x}" y="${y}">${pillText(word)}</text></g>`;
};

const barInk = (bar: Bar): string => {
  const [x, y] = [bar.x + bar.width / 2 + 5, bar.y + bar.height / 2];
  const states = escapeXml(bar.child.states.join(" · "));
  return `<g class="bar child" data-child="${escapeXml(bar.child.id)}">${rect(bar, 12)}<text class="mid" transform="translate(${px(x)} ${px(y)}) rotate(-90)"><tspan class="name">${escapeXml(bar.child.id)}</tspan><tspan class="note" dx="16">${states}</tspan></text></g>`;
};

const dotInk = ([x, y]: Point): string => `<circle class="dot" cx="${px(x)}" cy="${px(y)}" r="5"/>`;
const captionInk = ({ x, y, text: content }: Caption): string => text(x, y, "caption", content);

const kindWords: Readonly<Record<Kind, string>> = {
  command: "command",
  fact: "fact",
  done: "done",
  error: "error",
  deadline: "deadline",
  always: "at once",
};

/** The colours that occur, in one row under the title. */
const legendInk = ({ pills, boxes }: Layout): string => {
  const words = [...pills.map(({ word }) => word), ...boxes.flatMap(({ notes }) => notes.flatMap(({ word }) => word ?? []))];
  let x = margin;
  const parts = (Object.keys(kindWords) as Kind[])
    .filter((kind) => words.some((word) => word.kind === kind))
    .map((kind) => {
      const part = `<circle class="${kind}" cx="${px(x + 4)}" cy="62" r="4"/>${text(x + 13, 66, "", kindWords[kind]).replace(' class=""', "")}`;
      x += 13 + textWidth(kindWords[kind], sizes.note) + 18;
      return part;
    });
  return `<g class="legend">${parts.join("")}</g>`;
};

/** Frames first, so that lines run over them; then lines, the happy ones on top; then boxes and words. */
export const svgOf = (name: string, layout: Layout): string => {
  const { width, height, boxes, lines, pills, dots, bars, captions } = layout;
  const rank = ({ role, kind }: Line): number => (role === "rail" ? 0 : role === "trace" ? 3 : kind === "done" ? 2 : 1);
  const ink = [
    ...boxes.filter(({ state }) => state.children.length > 0).map(boxInk),
    ...bars.map(barInk),
    ...[...lines].sort((one, two) => rank(one) - rank(two)).map(lineInk),
    ...boxes.filter(({ state }) => state.children.length === 0).map(boxInk),
    ...dots.map(dotInk),
    ...pills.map(pillInk),
    ...captions.map(captionInk),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" data-chart="${name}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Statechart ${name}">
<style>${chartStyle}</style>
<rect class="paper" width="${width}" height="${height}" rx="14"/>
${text(margin, 41, "title", name)}
${legendInk(layout)}
${ink.join("\n")}
</svg>
`;
};
