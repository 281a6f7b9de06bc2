/** The items of the journal: what happened to one instance. */

/** How a boot ended; while it stops, how it would end by what is known so far. */
export interface BootEnd {
  readonly outcome: string;
  readonly reason: string;
  readonly failures: readonly { readonly phase: string; readonly code: string; readonly message: string }[];
  /** ms by phase */
  readonly steps: Readonly<Record<string, number>>;
}

/** One thing that happened. `at`: ms since the epoch, by the clock of Redis. */
export type JournalItem = { readonly at: number } /** an arrow that the lifecycle chart took, and the path that it led to */ & (
  | { readonly kind: "step"; readonly path: string; readonly event: string }
  /** a phase of a tier's own began; those of the chart begin with a step */
  | { readonly kind: "began"; readonly phase: string; readonly deadlineMs: number | null }
  /** a phase ended: a state, a step of stopping, or one of a tier's own */
  | { readonly kind: "ended"; readonly phase: string; readonly outcome: string; readonly ms: number }
  /** a fact of level warn or above, in the words of the log */
  | { readonly kind: "fact"; readonly type: string; readonly level: "info" | "warn" | "error"; readonly text: string }
  /** readiness or its reason changed */
  | { readonly kind: "ready"; readonly ready: boolean; readonly reason: string }
  /** what the chart waits for from here on, and the ms until its timer ends that; null where no timer does */
  | { readonly kind: "waits"; readonly what: string; readonly deadlineMs: number | null }
  /** a leadership was gained or has ended */
  | { readonly kind: "leads"; readonly name: string; readonly leads: boolean }
  /** messages that were dropped while Redis was away */
  | { readonly kind: "lost"; readonly count: number }
  /** phases of `run` that are not in the journal one by one */
  | { readonly kind: "counted"; readonly phases: number }
  /** the instance deletes its entry, or ends; of several the last one counts */
  | ({ readonly kind: "end" } & BootEnd)
  /** the lease ended before the instance deleted its entry; written once, with what was last known */
  | { readonly kind: "expired"; readonly state: string; readonly version: string }
  /** the process ended; written by its parent. `tries`: starts that failed in a row; `cause`: the error in the report of the service, else empty */
  | {
      readonly kind: "exited";
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly nextTryAt: number | null;
      readonly tries: number;
      readonly cause: string;
    }
);

/** The kind of an item. */
export type JournalItemKind = JournalItem["kind"];
