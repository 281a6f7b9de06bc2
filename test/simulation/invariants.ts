/** What has to hold after every step of every life. */

export const invariants = [
  "one terminal state, once",
  "onStart and onDrain at most once",
  "onStop exactly once if onStart was begun, else never",
  "ready implies started, health open and not stopping",
  "the outcome is the first cause",
  "nothing registered after stopped",
  "after shutdown only forward",
  "the same promise for all callers",
  "no timer, child or listener left",
  "within the budget",
  "no duration or beat moves with the wall clock",
  "the exit code follows from the outcome",
  "each phase reported once",
  "no write of an old incarnation succeeds",
  "two of one id never both believe for long",
  "no failure unexplained, none unreported",
  "nothing thrown past everyone",
] as const;
export type Invariant = (typeof invariants)[number];

export interface Violation {
  readonly invariant: Invariant;
  readonly who: string;
  readonly detail: string;
  /** ms since the world began */
  readonly atMs: number;
}

/** Records a violation. */
export type Accuse = (invariant: Invariant, who: string, detail: string) => void;
