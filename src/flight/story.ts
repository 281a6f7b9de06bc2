/** A recording as lines for people: each event and where it led, and between them what went wrong. */
import { initialState } from "../../machines/phases.ts";
import type { FlightEntry, FlightEvent, FlightRecording } from "./recording.ts";

export type Tone = "plain" | "state" | "bad";

export interface StoryLine {
  /** ms from the first entry; undefined for a line that belongs to the one above */
  readonly atMs: number | undefined;
  readonly text: string;
  readonly tone: Tone;
}

const top = (path: string): string => path.split(".")[0]!;

/** `pingRedis done`, `after bootJitter`, `lease.held`. */
const word = ({ type }: FlightEvent): string =>
  type.replace(/^xstate\.(done|error)\.actor\.(.+)$/, "$2 $1").replace(/^xstate\.after\.([^.]+)\..*$/, "after $1");

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What an event carries that explains it. */
const because = (event: FlightEvent): string => {
  const { reason, phase, outcome } = event;
  const message = (event.error as { message?: unknown } | undefined)?.message;
  return [text(phase), text(outcome), text(reason), text(message)].filter((part) => part !== "").join(" ");
};

const stepWords = (event: FlightEvent): string => {
  const why = because(event);
  return why === "" ? word(event) : `${word(event)} (${why})`;
};

/** Facts that say nothing which a step or the tree of phases does not say. */
const isSaid = ({ type }: FlightEvent): boolean =>
  ["state.entered", "phase.ended", "stopped", "lease.held", "lease.released"].includes(type);
const bad: ReadonlySet<string> = new Set([
  "failed",
  "degraded",
  "lease.suspect",
  "lease.lost",
  "lease.superseded",
  "lease.broken",
  "lease.abandoned",
  "redis.unreachable",
  "loop.blocked",
  "health.thread.died",
  "health.server.failed",
  "health.request.failed",
]);
const isBad = ({ type }: FlightEvent): boolean => bad.has(type);

const spanOf = ({ blockedMs }: FlightEvent): string => (typeof blockedMs === "number" ? `for ${blockedMs} ms` : "");

const factWords = (fact: FlightEvent): string =>
  fact.type === "failed"
    ? `failed in ${text(fact.phase)}: ${text(fact.message)} [${text(fact.code)}]`
    : [fact.type, text(fact.reason), text(fact.command), spanOf(fact)].filter((part) => part !== "").join(" ");

const lineOf = (entry: FlightEntry, began: number, before: string): StoryLine | undefined => {
  if (entry.kind === "fact") {
    if (isSaid(entry.fact)) return undefined;
    return { atMs: undefined, text: `! ${factWords(entry.fact)}`, tone: isBad(entry.fact) ? "bad" : "plain" };
  }
  const { at, event, path, always = false } = entry;
  const arrow = path === before ? "" : ` -> ${path}`;
  return {
    atMs: at - began,
    text: `${always ? "at once" : stepWords(event)}${arrow}`,
    tone: top(path) === top(before) ? "plain" : "state",
  };
};

/** In the order in which it happened. */
export const storyOf = ({ entries, dropped, end, writtenAt }: FlightRecording): StoryLine[] => {
  const began = entries[0]?.at ?? 0;
  const lines: StoryLine[] = dropped > 0 ? [{ atMs: undefined, text: `(${dropped} older entries are gone)`, tone: "plain" }] : [];
  let path: string = initialState;
  for (const entry of entries) {
    const line = lineOf(entry, began, path);
    if (line) lines.push(line);
    if (entry.kind === "step") path = entry.path;
  }
  if (end === null) lines.push({ atMs: writtenAt - began, text: `written here, in ${path}`, tone: "bad" });
  return lines;
};
