/** The words of the contract and the record of what a service went through. Pure data and pure functions. */

/** The nine top-level states, in the order a run passes through them (contract section 1). */
export const stateNames = [
  "init",
  "jitter",
  "pinging",
  "starting",
  "registering",
  "healthy",
  "running",
  "stopping",
  "stopped",
] as const;
export type StateName = (typeof stateNames)[number];

/** The steps of `stopping`, in order (contract section 2). */
export const stopSteps = [
  "announcing",
  "closing",
  "deregistering",
  "draining",
  "unwinding",
  "releasing",
  "disconnecting",
] as const;
export type StopStep = (typeof stopSteps)[number];

/** A phase that the chart itself goes through: a state, or a step of stopping. */
export type ChartPhase = StateName | `stopping.${StopStep}`;

/** How a phase ended. `skipped`: there was nothing to do. `aborted`: it was cut by a shutdown. */
export type PhaseOutcome = "done" | "failed" | "timeout" | "aborted" | "skipped";

/** One phase; without `durationMs` it is still under way. A tier's own phases are named below theirs: `starting.tools`. */
export interface PhaseRecord {
  readonly phase: string;
  /** ms since the epoch */
  readonly startedAt: number;
  readonly durationMs?: number;
  readonly outcome?: PhaseOutcome;
}

/** A phase that has ended. */
export type EndedPhase = Required<PhaseRecord>;

/** Something that went wrong and makes the outcome `failed`. */
export interface Failure {
  readonly phase: string;
  readonly code: string;
  readonly message: string;
  readonly cause?: unknown;
}

export const isOpen = (record: PhaseRecord): boolean => record.durationMs === undefined;

const chartPhases: ReadonlySet<string> = new Set<ChartPhase>([
  ...stateNames,
  ...stopSteps.map((step) => `stopping.${step}` as const),
]);
const isWithin = (phase: string, outer: string): boolean => phase.startsWith(`${outer}.`);

const closed = (record: PhaseRecord, now: number, outcome: PhaseOutcome): PhaseRecord => ({
  phase: record.phase,
  startedAt: record.startedAt,
  durationMs: now - record.startedAt,
  outcome: record.outcome ?? outcome,
});

/** Opens a phase of the chart and closes the ones it follows; those it lies within stay open, and so do a tier's own. */
export const enterPhase = (records: readonly PhaseRecord[], phase: ChartPhase, now: number): PhaseRecord[] => [
  ...records.map((record) =>
    isOpen(record) && chartPhases.has(record.phase) && !isWithin(phase, record.phase) ? closed(record, now, "done") : record,
  ),
  { phase, startedAt: now },
];

/** Notes how the chart's innermost open phase is going to end; the first note stays. */
export const markPhase = (records: readonly PhaseRecord[], outcome: PhaseOutcome): readonly PhaseRecord[] => {
  const at = records.findLastIndex((record) => isOpen(record) && chartPhases.has(record.phase));
  const record = records[at];
  return record === undefined || record.outcome !== undefined ? records : records.with(at, { ...record, outcome });
};

/** So many phases of a tier's own are remembered; `run` may go through one for each job it does. */
const tierPhasesKept = 200;

/** Opens a phase of a tier's own; the oldest one that has ended makes room for it where there are too many. */
export const beginTierPhase = (records: readonly PhaseRecord[], phase: string, now: number): readonly PhaseRecord[] => {
  const isTiers = (record: PhaseRecord) => !chartPhases.has(record.phase);
  const oldest = records.length < tierPhasesKept ? -1 : records.findIndex((record) => isTiers(record) && !isOpen(record));
  return [...(oldest === -1 ? records : records.toSpliced(oldest, 1)), { phase, startedAt: now }];
};

/** Closes the latest open phase of that name, if there is one. */
export const endPhase = (
  records: readonly PhaseRecord[],
  phase: string,
  now: number,
  outcome: PhaseOutcome,
): readonly PhaseRecord[] => {
  const at = records.findLastIndex((record) => isOpen(record) && record.phase === phase);
  const record = records[at];
  return record === undefined ? records : records.with(at, closed(record, now, outcome));
};

/** Closes whatever is still open: the chart's phases are done, a tier's own were cut. */
export const endAllPhases = (records: readonly PhaseRecord[], now: number): EndedPhase[] =>
  records.map((record) =>
    isOpen(record) ? closed(record, now, chartPhases.has(record.phase) ? "done" : "aborted") : record,
  ) as EndedPhase[];

/** The name of the chart's innermost open phase: where a failure happened. */
export const currentPhase = (records: readonly PhaseRecord[]): string =>
  records.findLast((record) => isOpen(record) && chartPhases.has(record.phase))?.phase ?? "init";
