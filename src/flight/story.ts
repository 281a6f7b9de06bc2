/** A recording as lines of text: each event with the path after it, and between them the facts of what went wrong. */
import { initialState } from "../../machines/phases.ts";
import { isRecord } from "../record.ts";
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

/** causes of causes that are shown */
const maxCauses = 8;

/** Where an error was made, and what led to it: the frames of its stack, then the same of its causes. */
const originOf = (error: unknown, causes = maxCauses): string[] => {
  if (!isRecord(error)) return [];
  const frames = text(error.stack)
    .split("\n")
    .filter((line) => /^\s+at /.test(line));
  const inner = [error.cause, ...(Array.isArray(error.errors) ? error.errors : [])].filter(isRecord);
  const before =
    causes === 0 ? [] : inner.flatMap((cause) => [`caused by ${text(cause.message)}`, ...originOf(cause, causes - 1)]);
  return [...frames.map((frame) => `  ${frame.trim()}`), ...before];
};

const factLines = (fact: FlightEvent): StoryLine[] => {
  if (repeated.has(fact.type)) return [];
  const origin = originOf(fact.error ?? fact.cause).map((line) => ({
    atMs: undefined,
    text: `  ${line}`,
    tone: "plain" as const,
  }));
  return [{ atMs: undefined, text: `! ${factWords(fact)}`, tone: isBad(fact) ? "bad" : "plain" }, ...origin];
};

const linesOf = (entry: FlightEntry, began: number, before: string): StoryLine[] => {
  if (entry.kind === "fact") return factLines(entry.fact);
  const { offsetMs, event, path, always = false } = entry;
  const arrow = path === before ? "" : ` -> ${path}`;
  const words = `${always ? "at once" : stepWords(event)}${arrow}`;
  return [{ atMs: offsetMs - began, text: words, tone: top(path) === top(before) ? "plain" : "state" }];
};

/** The lines of a recording, oldest first. `lives`: the recording goes on, so its last line is no end. */
export const storyOf = ({ entries, dropped, end, uptimeMs }: FlightRecording, { lives = false } = {}): StoryLine[] => {
  const began = entries[0]?.offsetMs ?? 0;
  const lines: StoryLine[] = dropped > 0 ? [{ atMs: undefined, text: `(${dropped} older entries are gone)`, tone: "plain" }] : [];
  let path: string = initialState;
  for (const entry of entries) {
    lines.push(...linesOf(entry, began, path));
    if (entry.kind === "step") path = entry.path;
  }
  const last = `${lives ? "so far" : "recorded up to here"}, in ${path}`;
  if (end === null) lines.push({ atMs: uptimeMs - began, text: last, tone: lives ? "plain" : "bad" });
  return lines;
};
