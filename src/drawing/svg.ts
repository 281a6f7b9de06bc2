/** A layout as SVG: the same bytes for the same layout, light and dark in one file, every state and arrow marked. */
import type { ChartState } from "../charts/graph.ts";
import type { Word } from "../charts/words.ts";
import { joinBefore } from "../charts/words.ts";
import { circle, escapeXml, legendMarks, noteMarks, rect, text, titled } from "./ink.ts";
import type { Bar, Box, Caption, Header, Label, Layout, LegendItem, Line, Note, Point } from "./layout.ts";
import { baselines, headWidth, labelHeight, labelPadding, margin, markWidth, noteWidth } from "./layout.ts";
import { shapeWidth } from "./legend.ts";
import { headOf, pathOf, px } from "./path.ts";
import { chartStyle } from "./style.ts";

const noteInk = (note: Note, x: number, y: number): string => {
  const { word } = note;
  const edge = word === undefined ? "" : ` class="noted ${word.kind}" data-edge="${escapeXml(word.ids.join(" "))}"`;
  return `<g${edge}>${noteMarks[note.mark](x, y)}${text(x + markWidth, y, "note", note.text)}</g>`;
};

const leafInk = (box: Box): string => {
  const center = box.x + box.width / 2;
  const { name, notes } = baselines(box);
  return [
    text(center, name, "name mid", box.state.name),
    ...box.notes.map((note, index) => noteInk(note, center - noteWidth(note) / 2, notes[index]!)),
  ].join("");
};

/** A frame's name, and its notes after it. */
const frameInk = (box: Box): string => {
  const { state, notes } = box;
  const inks = notes.map((note, index) => noteInk(note, box.x + headWidth({ state, notes: notes.slice(0, index) }), box.y + 27));
  return text(box.x + 18, box.y + 27, "name", state.name) + inks.join("");
};

/** Whether a state is a region: one of several parts that are active together. */
const isRegion = ({ parent }: ChartState): boolean => parent?.type === "parallel";

const boxInk = (box: Box): string => {
  const { state } = box;
  const isFrame = state.children.length > 0;
  const classes = ["state", isFrame ? "frame" : state.type, ...(isRegion(state) ? ["region"] : []), ...state.tags].join(" ");
  const inset = { x: box.x + 4, y: box.y + 4, width: box.width - 8, height: box.height - 8 };
  const inner = state.type === "final" ? rect(inset, 7, "inner") : "";
  return `<g class="${classes}" data-state="${escapeXml(state.id)}">${titled(state.description)}${rect(box, isFrame ? 16 : 10)}${inner}${isFrame ? frameInk(box) : leafInk(box)}</g>`;
};

const lineInk = ({ ids, title, kind, role, points, hasHead }: Line): string => {
  const classes = role === "rail" ? "rail" : `line ${role === "edge" ? "" : `${role} `}${kind}`;
  const edge = ids.length === 0 ? "" : ` data-edge="${escapeXml(ids.join(" "))}"`;
  const head = hasHead ? `<path class="head" d="${headOf(points, role === "rail" ? 10 : 8)}"/>` : "";
  const length = role === "rail" || kind === "child" ? "" : ` pathLength="1"`;
  const tooltip = role === "trace" ? "" : titled(title);
  return `<g class="${classes}"${edge}>${tooltip}<path d="${pathOf(points, hasHead ? 5 : 0)}"${length}/>${head}</g>`;
};

/** Each event in the colour of its kind; a guard is quieter than its event. */
const wordInk = ({ parts, guard, kind }: Word): string => {
  const events = parts.map(({ text: event, kind: own }, index) => {
    const before = joinBefore(index, parts.length);
    return `${before && `<tspan class="quiet">${before}</tspan>`}${kind === "mixed" ? `<tspan class="${own}">${escapeXml(event)}</tspan>` : escapeXml(event)}`;
  });
  const guarded = guard && `<tspan class="quiet">${escapeXml(guard)}</tspan>`;
  return [events.join(""), guarded].filter(Boolean).join(" ");
};

const labelInk = (label: Label): string => {
  const { word, x, y } = label;
  const dot = label.isFollowing ? text(x - 4.5, y + 12.5, "caption mid", "·") : "";
  const [anchor, textX] = label.side === "left" ? ["", x + labelPadding] : [` class="end"`, x + label.width - labelPadding];
  const ink = `<text${anchor} x="${px(textX)}" y="${px(y + 12.5)}">${wordInk(word)}</text>`;
  const ground = rect({ ...label, height: labelHeight }, 8);
  return `${dot}<g class="word ${word.kind}" data-edge="${escapeXml(word.ids.join(" "))}">${titled(word.title)}${ground}${ink}</g>`;
};

const barInk = (bar: Bar): string => {
  const x = bar.x + bar.width / 2;
  const states = bar.child.states.map((name, index) => text(x, bar.y + 46 + index * 17, "note mid", name)).join("");
  return `<g class="bar child" data-child="${escapeXml(bar.child.id)}">${rect(bar, 12)}${text(x, bar.y + 26, "name mid", bar.child.id)}${states}</g>`;
};

const dotInk = ([x, y]: Point): string => circle(x, y, 5, "dot");
const captionInk = ({ x, y, text: content, className }: Caption): string =>
  text(x, y, ["caption", className].filter(Boolean).join(" "), content);

const legendInk = ({ shape, text: content, x, y }: LegendItem): string =>
  `${legendMarks[shape](x, y)}${text(x + shapeWidth(shape), y, "caption", content)}`;

const headerInk = ({ sentence, legend }: Header): string =>
  [
    ...sentence.map((line, index) => text(margin, 64 + index * 18, "sentence", line)),
    `<g class="legend">${legend.map(legendInk).join("")}</g>`,
  ].join("");

/** Frames first, so that lines run over them; then lines, `done` on top; then boxes and words. */
export const svgOf = (name: string, layout: Layout): string => {
  const { width, height, boxes, lines, labels, dots, bars, captions, header } = layout;
  const rank = ({ role, kind }: Line): number => (role === "rail" ? 0 : role === "trace" ? 3 : kind === "done" ? 2 : 1);
  const ink = [
    ...boxes.filter(({ state }) => state.children.length > 0).map(boxInk),
    ...bars.map(barInk),
    ...[...lines].sort((one, two) => rank(one) - rank(two)).map(lineInk),
    ...boxes.filter(({ state }) => state.children.length === 0).map(boxInk),
    ...dots.map(dotInk),
    ...labels.map(labelInk),
    ...captions.map(captionInk),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" data-chart="${name}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Statechart ${name}">
<style>${chartStyle}</style>
<rect class="paper" width="${width}" height="${height}" rx="14"/>
${text(margin, 41, "title", name)}
${headerInk(header)}
${ink.join("\n")}
</svg>
`;
};
