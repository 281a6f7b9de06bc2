/** The last hour of an instance, over all its boots, as spans of time in one state each. */
import { isDeath } from "../journal/outcomes.ts";
import type { Life } from "./life.ts";
import type { Span } from "./row.ts";

/** ms that a lane goes back, and how many spans it has at most */
export const laneMs = 3_600_000;
const spansLimit = 400;

export interface LaneOf {
  readonly life: Life;
  /** when the next boot began; undefined of the newest */
  readonly nextAt: number | undefined;
  /** ms between a beat and the end of the lease that it prolongs */
  readonly ttlMs: number;
}

/** The spans of one boot, and of the time after its end. */
export const spansOf = ({ life, nextAt, ttlMs }: LaneOf): Span[] => {
  const { trace, end, version } = life;
  const endAt = end?.at ?? nextAt ?? null;
  // between its last message or beat and the end of its lease nothing is known of it
  const knownTo = end?.outcome === "expired" ? Math.max(life.seenAt, end.at - ttlMs) : endAt;
  const states = trace.map(({ at, state, ready }, index): Span => {
    const to = trace[index + 1]?.at ?? knownTo;
    return { state, from: at, to: to === null ? null : Math.max(to, at), ready, version, mark: index === 0 ? "boot" : "none" };
  });
  if (endAt === null) return states;
  const lastFrom = states.at(-1)?.to ?? endAt;
  const blank = { ready: null, version, mark: "none" as const };
  const unknown: Span[] = lastFrom < endAt ? [{ ...blank, state: "unknown", from: lastFrom, to: endAt }] : [];
  const mark = end === null || isDeath(end.outcome) ? "died" : "ended";
  const from = Math.max(endAt, lastFrom);
  return [
    ...states,
    ...unknown,
    { ...blank, state: "gone", from, to: nextAt === undefined ? null : Math.max(nextAt, from), mark },
  ];
};

/** The spans that reach into the last hour. */
export const trimmed = (spans: readonly Span[], now: number): Span[] =>
  spans.filter(({ to }) => to === null || to > now - laneMs).slice(-spansLimit);
