/** A flight recording: the last transitions and facts of a service as plain JSON. */
import type { Failure, LifecycleSettings, PhaseRecord } from "../../machines/index.ts";

export const flightFormat = "stargazer.flight/1" as const;

/** An event of the lifecycle, or a fact, as JSON; errors are reduced to name, message and code, and in a fact to their stack and causes too. */
export type FlightEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

/** A transition. `path`: the chart's after it. `always`: an eventless transition that followed the same event. */
interface FlightStep {
  readonly kind: "step";
  /** ms since the epoch */
  readonly at: number;
  /** ms since the service was constructed, by the monotonic clock */
  readonly offsetMs: number;
  readonly event: FlightEvent;
  readonly path: string;
  readonly always?: boolean;
}

/** A fact that the service emitted. */
interface FlightFact {
  readonly kind: "fact";
  /** as those of a step */
  readonly at: number;
  readonly offsetMs: number;
  readonly fact: FlightEvent;
}

export type FlightEntry = FlightStep | FlightFact;

interface FlightEnd {
  readonly outcome: string;
  readonly reason: string;
  readonly failures: readonly Pick<Failure, "phase" | "code" | "message">[];
}

/** What a service last did, as plain JSON: what `flight()` returns, and the file of a failed stop. `entries` is bounded; the oldest go first. */
export interface FlightRecording {
  readonly format: typeof flightFormat;
  readonly service: string;
  readonly instance: string;
  readonly pid: number;
  /** ms since the epoch */
  readonly writtenAt: number;
  /** ms from the construction of the service to the writing, by the monotonic clock */
  readonly uptimeMs: number;
  /** the path of the chart at that time */
  readonly path: string;
  readonly settings: LifecycleSettings;
  /** the number of older entries that are no longer kept */
  readonly dropped: number;
  readonly entries: readonly FlightEntry[];
  readonly phases: readonly PhaseRecord[];
  /** null while it has not stopped */
  readonly end: FlightEnd | null;
}
