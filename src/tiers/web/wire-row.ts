/** A row as the page's stream sends it: bounded, without what is shown of one instance alone. */
import type { Boot, Row, RowFailure, Span } from "../../instances/row.ts";
import { isDeath } from "../../journal/outcomes.ts";
import type { WireInstance, WireMark, WireRow, WireSpan } from "./wire.ts";

const maxSpans = 100;
const maxFalls = 10;
const maxFailures = 3;
const maxTextLength = 400;

const isFall = ({ outcome }: Boot): boolean => isDeath(outcome);

/** `died` becomes `failed` where the boot wrote its end. */
const markOf = ({ mark, from }: Span, boots: readonly Boot[]): WireMark => {
  if (mark !== "died") return mark;
  const ended = boots.find(({ endedAt }) => endedAt !== null && endedAt <= from);
  return ended?.outcome === "failed" ? "failed" : mark;
};

const wireSpan = (span: Span, boots: readonly Boot[]): WireSpan => [
  span.state,
  span.from,
  span.to,
  span.ready,
  span.version,
  markOf(span, boots),
];

const bounded = (text: string): string => (text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text);

export const boundedFailures = (failures: readonly RowFailure[]): RowFailure[] =>
  failures.slice(0, maxFailures).map((failure) => ({ ...failure, message: bounded(failure.message) }));

export const wireRow = ({ lane, boots, moments, incarnation, ...row }: Row): WireRow => {
  const fallen = boots.filter(isFall);
  return {
    ...row,
    reason: bounded(row.reason),
    failures: boundedFailures(row.failures),
    lane: lane.slice(-maxSpans).map((span) => wireSpan(span, boots)),
    falls: fallen.slice(0, maxFalls).flatMap(({ endedAt }) => (endedAt === null ? [] : [endedAt])),
    cause: bounded(fallen[0]?.cause ?? ""),
  };
};

/** `sentence`: whether it is ready, and if not, why. */
export const wireInstance = (row: Row, sentence: string): WireInstance => ({
  row: wireRow(row),
  incarnation: row.incarnation,
  sentence,
  boots: row.boots.map((boot) => ({ ...boot, cause: bounded(boot.cause) })),
  moments: row.moments.map((moment) => ({ ...moment, text: bounded(moment.text) })),
  failures: boundedFailures(row.failures),
});
