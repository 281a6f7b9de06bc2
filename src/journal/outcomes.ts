/** How the outcome of a boot counts: the one table for rows, sentences, lists and counts. */

/** `ended`: without a failure. `failed`: it wrote its end, or its parent did. `expired`: its end was not written. */
export type EndKind = "ended" | "failed" | "expired";

/** The outcomes of a boot. */
export type Outcome = "completed" | "shutdown" | "failed" | "expired";

const kinds: Readonly<Record<Outcome, EndKind>> = {
  completed: "ended",
  shutdown: "ended",
  failed: "failed",
  expired: "expired",
};

const kindOf = new Map<unknown, EndKind>(Object.entries(kinds));

export const isOutcome = (value: unknown): value is Outcome => kindOf.has(value);

/** `ended` for an outcome that is not known. */
export const endKindOf = (outcome: string): EndKind => kindOf.get(outcome) ?? "ended";

/** Whether a boot that ended so died: with a failure, or without writing its end. */
export const isDeath = (outcome: string): boolean => endKindOf(outcome) !== "ended";

const ends: ReadonlySet<string> = new Set<EndKind>(Object.values(kinds));

/** Whether nothing of a boot that is shown as that kind runs any more. */
export const isEndKind = (kind: string): kind is EndKind => ends.has(kind);
