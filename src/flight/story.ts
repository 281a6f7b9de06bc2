/** A recording as lines of text: each event with the path after it, and between them the facts of what went wrong. */
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

/** The parts of an event that explain it. */
const because = (event: FlightEvent): string => {
  const { reason, phase, outcome, companion } = event;
  const message = (event.error as { message?: unknown } | undefined)?.message;
  const name = (companion as { name?: unknown } | undefined)?.name ?? event.name;
  return [text(name), text(phase), text(outcome), text(reason), text(message)].filter((part) => part !== "").join(" ");
};

const stepWords = (event: FlightEvent): string => {
  const why = because(event);
  return why === "" ? word(event) : `${word(event)} (${why})`;
};

/** Facts that add nothing to the steps and to the tree of phases. */
const repeated: ReadonlySet<string> = new Set([
  "state.entered",
  "phase.ended",
  "stopped",
  "lease.held",
  "lease.released",
  "leadership.gained",
  "leadership.released",
]);
const bad: ReadonlySet<string> = new Set([
  "failed",
  "degraded",
  "lease.suspect",
  "lease.lost",
  "lease.superseded",
  "lease.broken",
  "lease.abandoned",
  "leadership.lost",
  "leadership.abandoned",
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
    : [[fact.type, text(fact.name), text(fact.command), spanOf(fact)].filter((part) => part !== "").join(" "), text(fact.reason)]
        .filter((part) => part !== "")
        .join(": ");

const lineOf = (entry: FlightEntry, began: number, before: string): StoryLine | undefined => {
  if (entry.kind === "fact") {
    if (repeated.has(entry.fact.type)) return undefined;
    return { atMs: undefined, text: `! ${factWords(entry.fact)}`, tone: isBad(entry.fact) ? "bad" : "plain" };
  }
  const { offsetMs, event, path, always = false } = entry;
  const arrow = path === before ? "" : ` -> ${path}`;
  return {
    atMs: offsetMs - began,
    text: `${always ? "at once" : stepWords(event)}${arrow}`,
    tone: top(path) === top(before) ? "plain" : "state",
  };
};

/** The lines of a recording, oldest first. */
export const storyOf = ({ entries, dropped, end, uptimeMs }: FlightRecording): StoryLine[] => {
  const began = entries[0]?.offsetMs ?? 0;
  const lines: StoryLine[] = dropped > 0 ? [{ atMs: undefined, text: `(${dropped} older entries are gone)`, tone: "plain" }] : [];
  let path: string = initialState;
  for (const entry of entries) {
    const line = lineOf(entry, began, path);
    if (line) lines.push(line);
    if (entry.kind === "step") path = entry.path;
  }
  if (end === null) lines.push({ atMs: uptimeMs - began, text: `recorded up to here, in ${path}`, tone: "bad" });
  return lines;
};
