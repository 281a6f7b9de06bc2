/** Boot and stop of one service as a tree of phases with their durations, from its records (`StopReport.phases`, `/status`). */
import type { PhaseOutcome, PhaseRecord } from "../../machines/index.ts";

export interface TimelinePhase {
  /** the whole name: `starting.tools` */
  readonly phase: string;
  /** what it adds to the one it lies in: `tools` */
  readonly name: string;
  /** ms from the beginning of the first phase */
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
 * Nests the records by the dots in their names. A phase under way lasts until `now` (ms since the epoch; by default the
 * latest time in the records).
 */
export const timelineOf = (records: readonly PhaseRecord[], now?: number): Timeline => {
  const startedAt = records[0]?.startedAt ?? 0;
  const end = Math.max(startedAt, now ?? 0, ...records.map((record) => record.startedAt + (record.durationMs ?? 0)));
  const phases: Growing[] = [];
  for (const record of records) {
    const home = homeOf(record.phase, phases);
    const name = home === undefined ? record.phase : record.phase.slice(home.phase.length + 1);
    (home?.phases ?? phases).push({
      phase: record.phase,
      name,
      offsetMs: record.startedAt - startedAt,
      durationMs: record.durationMs ?? end - record.startedAt,
      outcome: record.durationMs === undefined ? undefined : (record.outcome ?? "done"),
      phases: [],
    });
  }
  return { startedAt, durationMs: end - startedAt, phases };
};

/** `0 ms`, `84 ms`, `3.2 s`, `12 min`. */
export const durationText = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min`;
};

/** The outcome of a phase in words; empty for `done`. */
export const outcomeText = ({ outcome }: TimelinePhase): string =>
  outcome === "done" ? "" : outcome === undefined ? "under way" : outcome;
