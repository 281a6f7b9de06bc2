/** Boot and stop of one service as a tree of phases with their durations, from its records (`StopReport.phases`, `/status`). */
import type { PhaseOutcome, PhaseRecord } from "../../machines/index.ts";

export interface TimelinePhase {
  /** the whole name: `starting.tools` */
  readonly phase: string;
  /** what it adds to the one it lies in: `tools` */
  readonly name: string;
  /** ms from the beginning of the first phase, by the clock that measures */
  readonly offsetMs: number;
  /** ms; of a phase still under way, so far */
  readonly durationMs: number;
  /** `undefined` while it is under way */
  readonly outcome: PhaseOutcome | undefined;
  readonly phases: readonly TimelinePhase[];
}

export interface Timeline {
  /** ms since the epoch */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly phases: readonly TimelinePhase[];
}

interface Growing extends TimelinePhase {
  readonly phases: Growing[];
}

const isBelow = (phase: string, outer: string): boolean => phase.startsWith(`${outer}.`);

/** The innermost phase, the latest of several with one name, that `phase` lies in. */
const homeOf = (phase: string, among: readonly Growing[]): Growing | undefined => {
  const home = among.findLast((candidate) => isBelow(phase, candidate.phase));
  return home && (homeOf(phase, home.phases) ?? home);
};

/**
 * Nests the records by the dots in their names. A phase under way lasts until `uptimeMs` (of `/status` or a recording; by default the
 * latest moment in the records). The wall clock may have been set meanwhile: it moves nothing here.
 */
export const timelineOf = (records: readonly PhaseRecord[], uptimeMs?: number): Timeline => {
  const { startedAt = 0, offsetMs: began = 0 } = records[0] ?? {};
  const end = Math.max(began, uptimeMs ?? 0, ...records.map((record) => record.offsetMs + (record.durationMs ?? 0)));
  const phases: Growing[] = [];
  for (const record of records) {
    const home = homeOf(record.phase, phases);
    const name = home === undefined ? record.phase : record.phase.slice(home.phase.length + 1);
    (home?.phases ?? phases).push({
      phase: record.phase,
      name,
      offsetMs: record.offsetMs - began,
      durationMs: record.durationMs ?? end - record.offsetMs,
      outcome: record.durationMs === undefined ? undefined : (record.outcome ?? "done"),
      phases: [],
    });
  }
  return { startedAt, durationMs: end - began, phases };
};

/** `0 ms`, `84 ms`, `3.2 s`, `12 min`. */
export const durationText = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min`;
};

/** The outcome of a phase in words; empty for `done`. */
export const outcomeText = ({ outcome }: TimelinePhase): string =>
  outcome === "done" ? "" : outcome === undefined ? "under way" : outcome;
