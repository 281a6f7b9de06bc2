/** The words of the contract and the record of what a service went through. Pure data and pure functions. */

import { shortened } from "./thrown.ts";

/** The parts of a life. A state belongs to one of them. */
export type LifePart = "boot" | "run" | "stop";

/** The nine top-level states, in the order in which a run enters them (contract section 1), each with its part of a life. */
const lifeParts = {
  init: "boot",
  jitter: "boot",
  pinging: "boot",
  starting: "boot",
  registering: "boot",
  healthy: "boot",
  running: "run",
  stopping: "stop",
  stopped: "stop",
} as const satisfies Record<string, LifePart>;

/** The name of a top-level state: the same word in the registry, the log, the metrics and the pictures. */
export type StateName = keyof typeof lifeParts;

/** The nine top-level states, in the order in which a run enters them. */
export const stateNames: readonly StateName[] = Object.keys(lifeParts) as StateName[];

/** The state that a service is constructed in. */
export const initialState: StateName = "init";

/** The state in which what was begun is undone. */
export const stoppingState = "stopping" satisfies StateName;

/** The state in which the tier's `run` is under way. */
export const runningState: StateName = "running";

/** The state that every service ends in; the only final one. */
export const finalState: StateName = "stopped";

/** characters of a path */
const longestPath = 250;

/** The path of a phase of the tier's own below another one: 250 characters of it at most, since status, report and metrics repeat it. */
export const pathOf = (above: string, name: string): string => shortened(`${above}.${name}`, longestPath);

const partOfState: ReadonlyMap<string, LifePart> = new Map(Object.entries(lifeParts));
const stateOfPhase = (phase: string): string => {
  const end = phase.indexOf(".");
  return end === -1 ? phase : phase.slice(0, end);
};

/** The part of a life that a state, a path (`healthy.opening`) or a phase (`starting.tools`) belongs to; undefined for other words. */
export const lifePartOf = (phase: string): LifePart | undefined => partOfState.get(stateOfPhase(phase));

/** Whether the service is on its way to `running`: from `jitter` to `healthy`. Takes a state, a path or a phase. */
export const isBooting = (phase: string): boolean => lifePartOf(phase) === "boot" && stateOfPhase(phase) !== initialState;

/** Whether the tier's `run` is under way. Takes a state, a path or a phase. */
export const isRunning = (phase: string): boolean => lifePartOf(phase) === "run";

/** Whether the service stops but has not yet stopped. Takes a state, a path or a phase. */
export const isStopping = (phase: string): boolean => lifePartOf(phase) === "stop" && !hasStopped(phase);

/** Whether the service has stopped. Takes a state, a path or a phase. */
export const hasStopped = (phase: string): boolean => stateOfPhase(phase) === finalState;

/** Whether the service takes work: it is `healthy` or `running`. A snapshot knows more: in `healthy`, only with the tag `ready`. */
export const takesWork = (state: string): boolean => state === "healthy" || state === "running";

/** The states in which the registry entry exists: every status that it may have. */
export const leaseStatuses = ["starting", "healthy", "running", "stopping"] as const satisfies readonly StateName[];

/** The status in the registry entry. */
export type LeaseStatus = (typeof leaseStatuses)[number];

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
/** A step of `stopping`. */
export type StopStep = (typeof stopSteps)[number];
/** The step that `stopping` begins with: no other step ends by it. */
export const firstStep = `stopping.${stopSteps[0]}` as const;

/** A phase that the chart itself goes through: a state, or a step of stopping. */
export type ChartPhase = StateName | `stopping.${StopStep}`;

/** The phase that each of a service's effects belongs to: the `phase` of its error, and the one in which the phases of its hook nest. */
export const effectPhases = {
  pingRedis: "pinging",
  startTier: "starting",
  openHealth: "healthy",
  runTier: "running",
  announceTier: "stopping.announcing",
  drainTier: "stopping.draining",
  stopTier: "stopping.unwinding",
  releaseTier: "stopping.releasing",
} as const satisfies Record<string, ChartPhase>;

/** How a phase ended. `skipped`: there was nothing to do. `aborted`: it was cut by a shutdown. */
export type PhaseOutcome = "done" | "failed" | "timeout" | "aborted" | "skipped";

/**
 * A moment of a life on both clocks. Only `offsetMs` is measured: the wall clock may be set between two moments, so the difference of two
 * `startedAt` is no duration.
 */
export interface Moment {
  /** ms since the epoch, by the wall clock */
  readonly startedAt: number;
  /** ms since the service was constructed, by a monotonic clock */
  readonly offsetMs: number;
}

/** One phase; without `durationMs` it is still under way. A tier's own phases are named below theirs: `starting.tools`. */
export interface PhaseRecord extends Moment {
  readonly phase: string;
  /** ms, by the monotonic clock */
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

/** Whether a phase is still under way. */
export const isOpen = (record: PhaseRecord): boolean => record.durationMs === undefined;

/** Whether a phase of the chart is one of the nine states, and no step of stopping. */
export const isState = (phase: ChartPhase): phase is StateName => phase in lifeParts;

/** A phase that the chart itself goes through, and no phase of a tier's own. */
export const isChartPhase = (phase: string): phase is ChartPhase => chartPhases.has(phase);

/** The open phase of a tier's own that began last, without the state around it: `tools` for `starting.tools`. */
export const tierPhaseUnderWay = (records: readonly PhaseRecord[]): string | undefined => {
  const record = records.findLast((open) => isOpen(open) && !chartPhases.has(open.phase));
  return record?.phase.slice(stateOfPhase(record.phase).length + 1);
};

const chartPhases: ReadonlySet<string> = new Set<ChartPhase>([
  ...stateNames,
  ...stopSteps.map((step) => `stopping.${step}` as const),
]);
const isWithin = (phase: string, outer: string): boolean => phase.startsWith(`${outer}.`);

/** To a thousandth of a ms: more is noise of the clock and of floating point. */
export const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;

/** The record of a phase that ends now. */
export const closed = (record: PhaseRecord, offsetMs: number, outcome: PhaseOutcome): EndedPhase => ({
  phase: record.phase,
  startedAt: record.startedAt,
  offsetMs: record.offsetMs,
  durationMs: rounded(offsetMs - record.offsetMs),
  outcome: record.outcome ?? outcome,
});

/** Opens a phase of the chart and closes the ones it follows; those it lies within stay open, and so do a tier's own. */
export const enterPhase = (records: readonly PhaseRecord[], phase: ChartPhase, at: Moment): PhaseRecord[] => {
  const follows = (record: PhaseRecord) => isOpen(record) && chartPhases.has(record.phase) && !isWithin(phase, record.phase);
  const entered = records.map((record) => (follows(record) ? closed(record, at.offsetMs, "done") : record));
  entered.push({ phase, startedAt: at.startedAt, offsetMs: at.offsetMs });
  return entered;
};

/** Notes how the chart's innermost open phase is going to end; the first note stays. Without an outcome nothing is noted. */
export const markPhase = (records: readonly PhaseRecord[], outcome?: PhaseOutcome): readonly PhaseRecord[] => {
  if (outcome === undefined) return records;
  const at = records.findLastIndex((record) => isOpen(record) && chartPhases.has(record.phase));
  const record = records[at];
  return record === undefined || record.outcome !== undefined ? records : records.with(at, { ...record, outcome });
};

/** So many phases are remembered, open or ended; `run` may go through one for each job it does, and through any number at once. */
const phasesKept = 200;

/**
 * Opens a phase of a tier's own. Where there are too many, the oldest one that has ended makes room for it; where all are open, it is not
 * remembered: each step of the chart copies the record, so its length is bounded.
 */
export const beginTierPhase = (records: readonly PhaseRecord[], phase: string, at: Moment): readonly PhaseRecord[] => {
  if (records.length < phasesKept) return [...records, { phase, ...at }];
  const oldest = records.findIndex((record) => !chartPhases.has(record.phase) && !isOpen(record));
  return oldest === -1 ? records : [...records.toSpliced(oldest, 1), { phase, ...at }];
};

/** Closes the open phase of that name that began then (the latest, where that is not given); the record itself if there is none. */
export const endPhase = (
  records: readonly PhaseRecord[],
  { phase, began }: { readonly phase: string; readonly began?: Moment | undefined },
  offsetMs: number,
  outcome: PhaseOutcome,
): readonly PhaseRecord[] => {
  const isIt = (record: PhaseRecord) => record.phase === phase && (began === undefined || record.offsetMs === began.offsetMs);
  const at = records.findLastIndex((record) => isOpen(record) && isIt(record));
  const record = records[at];
  return record === undefined ? records : records.with(at, closed(record, offsetMs, outcome));
};

/** Ends every open phase: the chart's as done, a tier's own as cut. */
export const endAllPhases = (records: readonly PhaseRecord[], offsetMs: number): EndedPhase[] =>
  records.map((record) =>
    isOpen(record) ? closed(record, offsetMs, chartPhases.has(record.phase) ? "done" : "aborted") : record,
  ) as EndedPhase[];

/** The phases that a change of the record has ended; every phase before it keeps its place in the record. */
export const endedBy = (before: readonly PhaseRecord[], after: readonly PhaseRecord[]): EndedPhase[] =>
  after.filter((record, at) => record !== before[at] && !isOpen(record)) as EndedPhase[];

/** When a phase of the chart was entered, in ms since the service was constructed; 0 before. */
export const enteredAt = (records: readonly PhaseRecord[], phase: ChartPhase): number =>
  records.findLast((record) => record.phase === phase)?.offsetMs ?? 0;

/** The phase of the chart that ended last, once one has. */
export const lastEnded = (records: readonly PhaseRecord[]): EndedPhase =>
  records.findLast((record) => !isOpen(record) && chartPhases.has(record.phase)) as EndedPhase;

/** The name of the chart's innermost open phase: where a failure happened. */
export const currentPhase = (records: readonly PhaseRecord[]): string =>
  records.findLast((record) => isOpen(record) && chartPhases.has(record.phase))?.phase ?? initialState;
