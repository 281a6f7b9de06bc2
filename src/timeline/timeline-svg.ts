/**
 * A timeline as SVG: a row for each phase, its bar where and as long as it lasted. Booting and stopping have a scale each,
 * because the time in `running` between them may be days.
 */
import type { PhaseRecord } from "../../machines/index.ts";
import { escapeXml } from "../drawing/ink.ts";
import { textWidth } from "../drawing/measure.ts";
import { px } from "../drawing/path.ts";
import { chartStyle } from "../drawing/style.ts";
import type { TimelinePhase } from "./timeline.ts";
import { durationText, outcomeText, timelineOf } from "./timeline.ts";

const width = 900;
const margin = 26;
const barX = 218;
const barWidth = 500;
const rowHeight = 24;
const indent = 16;

interface Row {
  readonly phase: TimelinePhase;
  readonly depth: number;
}

interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly offsetMs: number;
  readonly durationMs: number;
}

const rowsOf = (phases: readonly TimelinePhase[], depth = 0): Row[] =>
  phases.flatMap((phase) => [{ phase, depth }, ...rowsOf(phase.phases, depth + 1)]);

const sectionOf = (title: string, phases: readonly TimelinePhase[]): Section[] => {
  if (phases.length === 0) return [];
  const offsetMs = phases[0]!.offsetMs;
  const end = Math.max(...phases.map((phase) => phase.offsetMs + phase.durationMs));
  return [{ title, rows: rowsOf(phases), offsetMs, durationMs: end - offsetMs }];
};

/** Up to `healthy` is the boot; from `stopping` on is the stop. */
const sectionsOf = (phases: readonly TimelinePhase[]): Section[] => {
  const among = (names: readonly string[]) => phases.filter(({ phase }) => names.includes(phase));
  const later = ["running", "stopping", "stopped"];
  return [
    ...sectionOf(
      "boot",
      phases.filter(({ phase }) => !later.includes(phase)),
    ),
    ...sectionOf("run", among(["running"])),
    ...sectionOf("stop", among(["stopping", "stopped"])),
  ];
};

const kinds: Readonly<Record<string, string>> = {
  done: "done",
  failed: "error",
  timeout: "deadline",
  aborted: "always",
  skipped: "always",
};

const text = (x: number, y: number, className: string, content: string): string =>
  `<text class="${className}" x="${px(x)}" y="${px(y)}">${escapeXml(content)}</text>`;

const rowInk = ({ phase, depth }: Row, { offsetMs, durationMs }: Section, y: number): string => {
  const scale = barWidth / Math.max(1, durationMs);
  const x = barX + Math.min(barWidth - 3, (phase.offsetMs - offsetMs) * scale);
  const length = Math.max(3, Math.min(barX + barWidth - x, phase.durationMs * scale));
  const isSkipped = phase.outcome === "skipped";
  const words = [isSkipped ? "" : durationText(phase.durationMs), outcomeText(phase)].filter(Boolean).join(", ");
  return [
    `<g class="phase ${kinds[phase.outcome ?? ""] ?? "command"}${depth === 0 ? "" : " inner"}" data-phase="${escapeXml(phase.phase)}">`,
    text(margin + depth * indent, y + 16, depth === 0 ? "name" : "note", phase.name),
    `<rect class="track" x="${barX}" y="${px(y + 5)}" width="${barWidth}" height="14" rx="5"/>`,
    isSkipped
      ? ""
      : `<rect class="span" x="${px(x)}" y="${px(y + 5)}" width="${px(length)}" height="14" rx="${px(Math.min(5, length / 2))}"/>`,
    text(barX + barWidth + 14, y + 16, "words", words),
    "</g>",
  ].join("");
};

const sectionInk = (section: Section, top: number): string =>
  [
    text(margin, top + 16, "section", section.title),
    text(barX + barWidth + 14, top + 16, "section", durationText(section.durationMs)),
    `<path class="rule" d="M${margin} ${top + 25}H${width - margin}"/>`,
    ...section.rows.map((row, index) => rowInk(row, section, top + 32 + index * rowHeight)),
  ].join("\n");

const heightOf = ({ rows }: Section): number => 32 + rows.length * rowHeight + 22;

const timelineStyle = `
.sg-chart .section{font-size:12px;font-weight:700;fill:var(--sg-mute)}
.sg-chart .rule{stroke:var(--sg-line);stroke-width:1}
.sg-chart .phase .track{fill:var(--sg-frame)}
.sg-chart .phase .span{fill:var(--ink)}
.sg-chart .phase.inner .span{opacity:.62}
.sg-chart .phase .name{font-size:13px}
.sg-chart .phase .words{font-size:12px;fill:var(--sg-mute);font-variant-numeric:tabular-nums}
.sg-chart .subtitle{font-size:12.5px;fill:var(--sg-mute)}
`;

/** The SVG of one service's life. A phase still under way lasts until `now` (ms since the epoch). */
export const timelineSvg = (records: readonly PhaseRecord[], title: string, now?: number): string => {
  const timeline = timelineOf(records, now);
  const sections = sectionsOf(timeline.phases);
  let top = 66;
  const ink = sections.map((section) => {
    const drawn = sectionInk(section, top);
    top += heightOf(section);
    return drawn;
  });
  const height = top + 4;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="sg-chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Timeline of ${escapeXml(title)}">
<style>${chartStyle}${timelineStyle}</style>
<rect class="paper" width="${width}" height="${height}" rx="14"/>
${text(margin, 41, "title", title)}
${text(margin + textWidth(title, 21, { bold: true }) + 14, 41, "subtitle", durationText(timeline.durationMs))}
${ink.join("\n")}
</svg>
`;
};
