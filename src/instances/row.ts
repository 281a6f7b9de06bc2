/** One instance of the fleet, as a reader sees it. All times in ms since the epoch, by the clock of Redis. */
import type { LifecycleTag, StateName } from "../../machines/index.ts";
import type { EndKind } from "../journal/outcomes.ts";
import type { InstanceName } from "../registry/entry.ts";

/** Which part of a life an instance is in, or how its life ended. `expired`: it ended without writing how. */
export type Kind = Exclude<LifecycleTag, "ready"> | "living" | EndKind;

/** What the chart waits for. */
export interface Waits {
  /** `the tier's onStart` */
  readonly what: string;
  /** when that wait ends by itself; null where it has no deadline */
  readonly until: number | null;
  /** how long the wait may last in all, in ms; null where it has no deadline */
  readonly totalMs: number | null;
}

/** The registry entry of an instance. `none`: it has not registered. */
export interface RowLease {
  readonly state: "none" | "held" | "suspect" | "lost" | "released";
  /** when the entry ends without another beat; null where that is not known */
  readonly until: number | null;
}

/** Something that went wrong. */
export interface RowFailure {
  readonly phase: string;
  readonly code: string;
  readonly message: string;
}

/** How a life ended. */
export interface RowEnd {
  readonly outcome: string;
  readonly reason: string;
  readonly at: number;
  /** ms of each step of stopping */
  readonly steps: Readonly<Record<string, number>>;
}

/** What only the parent process knows of an instance. */
export interface RowParent {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** when the parent starts it again; null where it does not */
  readonly nextTryAt: number | null;
  /** how often the instance has ended by itself, since it last ran for long */
  readonly tries: number;
}

/** A time in one state. `unknown`: between the last sign of life and the end of the lease; `gone`: no boot of the instance existed. */
export interface Span {
  readonly state: StateName | "unknown" | "gone";
  readonly from: number;
  /** null while it lasts */
  readonly to: number | null;
  readonly ready: boolean | null;
  readonly version: string;
  /** what happened at `from`: `boot`: a boot began; `ended`: one ended without a failure; `died`: one ended as failed or expired */
  readonly mark: "none" | "ended" | "died" | "boot";
}

/** One boot of an instance. */
export interface Boot {
  readonly boot: string;
  readonly version: string;
  readonly startedAt: number;
  readonly readyAt: number | null;
  readonly endedAt: number | null;
  /** ms of its stop; null where that has not ended by itself */
  readonly stopMs: number | null;
  /** `completed`, `shutdown`, `failed`, `expired`; empty while it lives */
  readonly outcome: string;
  /** the first cause of its end */
  readonly cause: string;
  /** the code of its first failure; empty where nothing failed */
  readonly code: string;
}

/** A phase of the newest boot, or of its stop: a state, a step of stopping, or one of a tier's own. */
export interface RowPhase {
  readonly phase: string;
  readonly startedAt: number;
  /** null while it lasts */
  readonly ms: number | null;
  /** `done`, `failed`, `timeout` …; empty while it lasts */
  readonly outcome: string;
}

/** Something that happened, as a sentence. */
export interface RowMoment {
  readonly at: number;
  readonly text: string;
  readonly level: "info" | "warn" | "error";
}

/** An instance: its newest boot, and what is known of the ones before. */
export interface Row extends InstanceName {
  /** `service:instance` */
  readonly name: string;
  readonly kind: Kind;
  readonly version: string;
  /** 0 before the boot has drawn one */
  readonly incarnation: number;
  /** hexadecimal; empty while it is not known */
  readonly boot: string;
  /** empty while the instance has not registered */
  readonly host: string;
  /** 0 while the instance has not registered */
  readonly pid: number;
  readonly startedAt: number;
  readonly state: StateName;
  /** `starting.model` */
  readonly path: string;
  /** when `path` was entered */
  readonly since: number;
  readonly waits: Waits | null;
  /** null where that is not known */
  readonly ready: boolean | null;
  /** why it is not ready; empty where it is, or where that is not known */
  readonly reason: string;
  readonly lease: RowLease;
  /** the elections in which it leads */
  readonly leads: readonly string[];
  readonly failures: readonly RowFailure[];
  /** null while it lives */
  readonly end: RowEnd | null;
  /** null where no parent has written of it */
  readonly parent: RowParent | null;
  /** the last hour, over boots: oldest first */
  readonly lane: readonly Span[];
  /** at most 10, newest first */
  readonly boots: readonly Boot[];
  /** of the newest boot and its stop, without those of `run`: the last 40, in the order of their beginnings */
  readonly phases: readonly RowPhase[];
  /** the last 50, oldest first */
  readonly moments: readonly RowMoment[];
}
