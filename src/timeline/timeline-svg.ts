/**
 * A timeline as SVG: a row for each phase, its bar where and as long as it lasted, a mark where its deadline was. Boot and stop
 * share one scale; a long run between them is cut out, and the cut is shown.
 */
import { circle, escapeXml, rect, text, titled } from "../drawing/ink.ts";
import { textWidth } from "../drawing/measure.ts";
import { px } from "../drawing/path.ts";
import { chartStyle } from "../drawing/style.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Timeline, TimelinePhase } from "./timeline.ts";
import { durationText, outcomeText } from "./timeline.ts";
import type { Cut, Scale } from "./timeline-scale.ts";
import { scaleOf, ticksOf } from "./timeline-scale.ts";

const width = 900;
const margin = 26;
const track = { x: 178, width: 530 };
const rowHeight = 23;
const top = 104;
const indent = 15;

interface Row {
  readonly phase: TimelinePhase;
  readonly depth: number;
}

const rowsOf = (phases: readonly TimelinePhase[], depth = 0): Row[] =>
  phases.flatMap((phase) => [{ phase, depth }, ...rowsOf(phase.phases, depth + 1)]);

const kinds: Readonly<Record<string, string>> = {
  done: "done",
  failed: "error",
  timeout: "deadline",
  aborted: "always",
  skipped: "always",
};

/** `57 ms of 60 s, failed` */
const wordsOf = (phase: TimelinePhase, deadline: number | undefined): string => {
  if (phase.outcome === "skipped") return outcomeText(phase);
  const limit = deadline === undefined ? "" : ` of ${durationText(deadline)}`;
  return [`${durationText(phase.durationMs)}${limit}`, outcomeText(phase)].filter(Boolean).join(", ");
};

/** A line where the deadline lies in the picture; an arrowhead at its edge where it is later. */
const deadlineInk = (phase: TimelinePhase, deadline: number | undefined, y: number, { at, endMs }: Scale): string => {
  if (deadline === undefined || phase.outcome === "skipped") return "";
  const ms = phase.offsetMs + deadline;
  if (ms <= endMs(phase.offsetMs)) return `<path class="until" d="M${px(at(ms))} ${px(y + 3)}v16"/>`;
  return `<path class="later" d="M${px(at(endMs(phase.offsetMs)) + 3)} ${px(y + 7)}l5 4l-5 4z"/>`;
};

/** Two slanted gaps in a bar that runs through the cut. */
const breakInk = ({ x, width: own }: Cut, y: number): string =>
  `<path class="break" d="M${px(x + own / 2 - 7)} ${px(y + 19)}l7 -16m6 0l-7 16"/>`;

const barInk = ({ offsetMs, durationMs, outcome }: TimelinePhase, y: number, { at, cut }: Scale): string => {
  if (outcome === "skipped") return circle(at(offsetMs), y + 11, 2.5, "skip");
  const [from, to] = [at(offsetMs), at(offsetMs + durationMs)];
  const bar = rect({ x: from, y: y + 5, width: Math.max(2.5, to - from), height: 12 }, 2.5, "span");
  return cut !== undefined && from <= cut.x && to >= cut.x + cut.width ? bar + breakInk(cut, y) : bar;
};

const rowInk = ({ phase, depth }: Row, y: number, scale: Scale, deadline: number | undefined): string =>
  [
    `<g class="phase ${kinds[phase.outcome ?? ""] ?? "command"}${depth === 0 ? "" : " inner"}" data-phase="${escapeXml(phase.phase)}">`,
    titled(`${phase.phase}: ${wordsOf(phase, deadline)}`),
    text(margin + depth * indent, y + 15, depth === 0 ? "name" : "note", phase.name),
    barInk(phase, y, scale),
    deadlineInk(phase, deadline, y, scale),
    text(track.x + track.width + 26, y + 15, "words", wordsOf(phase, deadline)),
    "</g>",
  ].join("");

const axisInk = (scale: Scale, bottom: number): string =>
  scale.parts
    .flatMap((part) => [
      text(scale.at(part.fromMs), top - 22, "section", `${part.title} ${durationText(part.toMs - part.fromMs)}`),
      ...ticksOf(part, scale).map(
        ({ ms, label }) =>
          `<path class="tick" d="M${px(scale.at(ms))} ${top}V${bottom}"/>${label && text(scale.at(ms), top - 6, "caption mid", label)}`,
      ),
    ])
    .join("");

/** Two slanted lines through all rows, and how much is left out between them. */
const cutInk = ({ x, width: own, ms }: Cut, bottom: number): string => {
  const edge = (at: number) => `<path class="cut" d="M${px(at + 3)} ${top - 4}L${px(at - 3)} ${bottom}"/>`;
  return `${rect({ x, y: top - 2, width: own, height: bottom - top + 2 }, 0, "gap")}${edge(x)}${edge(x + own)}${text(x + own / 2, top - 22, "section mid", `run ${durationText(ms)}`)}`;
};

const timelineStyle = `
.sg-chart .section{font-size:12px;font-weight:700;fill:var(--sg-ink)}
.sg-chart .tick{stroke:var(--sg-line);stroke-width:1}
.sg-chart .phase .span{fill:var(--ink)}
.sg-chart .phase.inner .span{opacity:.62}
.sg-chart .phase .skip{fill:none;stroke:var(--ink)}
.sg-chart .phase .until{stroke:var(--sg-deadline);stroke-width:2}
.sg-chart .phase .later{fill:var(--sg-deadline)}
.sg-chart .phase .name{font-size:13px}
.sg-chart .phase .words{font-size:12px;fill:var(--sg-mute);font-variant-numeric:tabular-nums}
.sg-chart .gap{fill:var(--sg-frame)}
.sg-chart .phase .break{fill:none;stroke:var(--sg-frame);stroke-width:3}
.sg-chart .cut{stroke:var(--sg-rail);stroke-width:1.4}
.sg-chart .subtitle{font-size:13px;fill:var(--sg-mute)}
`;

const explanation = (scale: Scale, deadlines: Deadlines): string =>
  [
    scale.parts.length > 1 ? "Boot and stop on one scale" : "",
    scale.cut === undefined ? "" : "the run between them is cut out",
    Object.keys(deadlines).length === 0 ? "" : "an amber mark is a deadline, an arrowhead one beyond the edge",
  ]
    .filter(Boolean)
    .join("; ");

/** The SVG of one service's life, with the deadlines of its phases where they are known. */
export const timelineSvg = (timeline: Timeline, title: string, deadlines: Deadlines = {}): string => {
  const rows = rowsOf(timeline.phases);
  const scale = scaleOf(timeline, track);
  const bottom = top + 6 + rows.length * rowHeight;
  const height = bottom + 20;
  const subtitleX = margin + textWidth(title, 21, { bold: true }) + 14;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Timeline of ${escapeXml(title)}">
<style>${chartStyle}${timelineStyle}</style>
<rect class="paper" width="${width}" height="${height}" rx="14"/>
${text(margin, 41, "title", title)}
${text(subtitleX, 41, "subtitle", durationText(timeline.durationMs))}
${text(margin, 61, "sentence", explanation(scale, deadlines))}
${scale.cut === undefined ? "" : cutInk(scale.cut, bottom)}
${axisInk(scale, bottom)}
${rows.map((row, index) => rowInk(row, top + 4 + index * rowHeight, scale, deadlines[row.phase.phase])).join("\n")}
</svg>
`;
};
