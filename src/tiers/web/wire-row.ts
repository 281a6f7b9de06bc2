/** A row as the page's stream sends it: bounded, without what is shown of one instance alone. */
import { cleanLine } from "../../clean.ts";
import type { Boot, Row, RowEnd, RowFailure, Span } from "../../instances/row.ts";
import { isDeath, isEndKind } from "../../journal/outcomes.ts";
import type { WireBoot, WireInstance, WireMark, WireRow, WireSpan } from "./wire.ts";

const maxSpans = 100;
const maxFalls = 10;
const maxFailures = 3;
const maxTextLength = 400;
/** of a release, a path, a host, the name of a job */
const maxNameLength = 120;
const maxLeads = 16;

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
  harmless(span.version, maxNameLength),
  markOf(span, boots),
];

const isPlain = (text: string): boolean => /^[ -~]*$/.test(text);

/** What other processes wrote, without control characters and marks that reorder what stands beside it, at most that long. */
const harmless = (text: string, most = maxTextLength): string => {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return isPlain(cut) ? cut : cleanLine(cut);
};

export const boundedFailures = (failures: readonly RowFailure[]): RowFailure[] =>
  failures.slice(0, maxFailures).map(({ phase, code, message }) => ({
    phase: harmless(phase, maxNameLength),
    code: harmless(code, maxNameLength),
    message: harmless(message),
  }));

const wireEnd = ({ outcome, reason, ...end }: RowEnd): RowEnd => ({
  ...end,
  outcome: harmless(outcome, maxNameLength),
  reason: harmless(reason),
});

export const wireRow = ({ lane, boots, phases: _phases, moments, incarnation, ...row }: Row): WireRow => {
  const fallen = boots.filter(isFall);
  return {
    ...row,
    version: harmless(row.version, maxNameLength),
    host: harmless(row.host, maxNameLength),
    path: harmless(row.path, maxNameLength),
    waits: row.waits && { ...row.waits, what: harmless(row.waits.what, maxNameLength) },
    reason: harmless(row.reason),
    leads: row.leads.slice(0, maxLeads).map((name) => harmless(name, maxNameLength)),
    failures: boundedFailures(row.failures),
    end: row.end && wireEnd(row.end),
    parent: row.parent && { ...row.parent, signal: row.parent.signal && harmless(row.parent.signal, maxNameLength) },
    isOver: isEndKind(row.kind),
    hasDied: isDeath(row.kind),
    lane: lane.slice(-maxSpans).map((span) => wireSpan(span, boots)),
    falls: fallen.slice(0, maxFalls).flatMap(({ endedAt }) => (endedAt === null ? [] : [endedAt])),
    cause: harmless(fallen[0]?.cause ?? ""),
  };
};

const wireBoot = (boot: Boot): WireBoot => ({
  ...boot,
  hasDied: isDeath(boot.outcome),
  version: harmless(boot.version, maxNameLength),
  outcome: harmless(boot.outcome, maxNameLength),
  cause: harmless(boot.cause),
});

/** `sentence`: whether it is ready, and if not, why. */
export const wireInstance = (row: Row, sentence: string): WireInstance => ({
  row: wireRow(row),
  incarnation: row.incarnation,
  sentence: harmless(sentence, 2 * maxTextLength),
  boots: row.boots.map(wireBoot),
  phases: row.phases.map((phase) => ({
    ...phase,
    phase: harmless(phase.phase, maxNameLength),
    outcome: harmless(phase.outcome, maxNameLength),
  })),
  moments: row.moments.map((moment) => ({ ...moment, text: harmless(moment.text) })),
  failures: boundedFailures(row.failures),
});
