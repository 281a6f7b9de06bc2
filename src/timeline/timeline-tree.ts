/** A timeline as text: a line for each phase, those within it indented below. */
import type { PhaseRecord } from "../../machines/index.ts";
import type { TimelinePhase } from "./timeline.ts";
import { durationText, outcomeText, timelineOf } from "./timeline.ts";

interface Branch {
  readonly label: string;
  readonly phase: TimelinePhase;
}

const branchesOf = (phases: readonly TimelinePhase[], indent: string): Branch[] =>
  phases.flatMap((phase, index) => {
    const isLast = index === phases.length - 1;
    const below = branchesOf(phase.phases, `${indent}${isLast ? "   " : "│  "}`);
    return [{ label: `${indent}${isLast ? "└─ " : "├─ "}${phase.name}`, phase }, ...below];
  });

/**
 * The lines of the tree, for a terminal. A phase still under way lasts until `uptimeMs`, which `/status` and a recording have.
 *
 *   ├─ starting    82 ms
 *   │  └─ tools    80 ms  failed
 */
export const timelineTree = (records: readonly PhaseRecord[], uptimeMs?: number): string[] => {
  const branches = branchesOf(timelineOf(records, uptimeMs).phases, "");
  const labelWidth = Math.max(0, ...branches.map(({ label }) => label.length));
  const durations = branches.map(({ phase }) => (phase.outcome === "skipped" ? "" : durationText(phase.durationMs)));
  const durationWidth = Math.max(0, ...durations.map((text) => text.length));
  return branches.map(({ label, phase }, index) =>
    `${label.padEnd(labelWidth)}  ${durations[index]!.padStart(durationWidth)}  ${outcomeText(phase)}`.trimEnd(),
  );
};
