/** The reading of a recording's file. A service that writes one does not load it. */
import type { LifecycleSettings, PhaseOutcome, PhaseRecord } from "../../machines/index.ts";
import { defaultSettings } from "../../machines/settings.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { isRecord } from "../record.ts";
import type { Reader } from "../schema.ts";
import { anyJson, fitting, flag, list, nullable, number, object, oneOf, optional, readJson, text, time } from "../schema.ts";
import type { FlightEntry, FlightEvent, FlightRecording } from "./recording.ts";
import { flightFormat } from "./recording.ts";

/** larger than any recording */
export const maxFlightBytes = 16 * 1024 * 1024;
/** entries, phases and failures that are read; a recorder keeps fewer of each */
const maxItems = 4096;
/** levels of an event; a recorder keeps fewer */
const maxDepth = 16;
/** the longest path or name of a phase */
const maxName = 1000;

const typed = fitting(
  (value): value is FlightEvent => isRecord(value) && Object.hasOwn(value, "type") && typeof value.type === "string",
  "an object with a type",
);
const event: Reader<FlightEvent> = (value, where) => {
  anyJson(maxDepth)(value, where);
  return typed(value, where);
};

const kind = object({ kind: oneOf(["step", "fact"]) });
const step = object({ kind: oneOf(["step"]), at: time, offsetMs: number, event, path: text(maxName), always: optional(flag) });
const fact = object({ kind: oneOf(["fact"]), at: time, offsetMs: number, fact: event });
const entry: Reader<FlightEntry> = (value, where) => (kind(value, where).kind === "step" ? step : fact)(value, where);

const outcomes: readonly PhaseOutcome[] = ["done", "failed", "timeout", "aborted", "skipped"];
/** A phase, as a recording and `/status` have it. */
export const phaseReader: Reader<PhaseRecord> = object({
  phase: text(maxName),
  startedAt: time,
  offsetMs: number,
  durationMs: optional(number),
  outcome: optional(oneOf(outcomes)),
});
/** A failure, as a recording and `/status` have it. */
export const failureReader = object({ phase: text(maxName), code: text(), message: text() });

const settings = object(
  Object.fromEntries(
    Object.entries(defaultSettings).map(([name, own]) => [
      name,
      fitting((value): value is typeof own => typeof value === typeof own, `a ${typeof own}`) as Reader<unknown>,
    ]),
  ),
) as unknown as Reader<LifecycleSettings>;

const recording = object({
  format: oneOf([flightFormat]),
  service: text(),
  instance: text(),
  pid: number,
  writtenAt: time,
  uptimeMs: number,
  path: text(maxName),
  settings,
  dropped: number,
  entries: list(entry, maxItems),
  phases: list(phaseReader, maxItems),
  end: nullable(object({ outcome: text(), reason: text(), failures: list(failureReader, maxItems) })),
}) satisfies Reader<FlightRecording>;

const formatted: Reader<FlightRecording> = (value, where) => {
  if (!isRecord(value) || value.format !== flightFormat) throw new Error(`its format is not '${flightFormat}'`);
  return recording(value, where);
};

/** Reads `json`, which came from the file `name`. Throws `SG_ERR_CONFIG_INVALID`, which names the first problem. */
export const parseFlight = (json: string, name: string): FlightRecording => {
  try {
    return readJson(json, { bytes: maxFlightBytes, read: formatted });
  } catch (problem) {
    const message = `${name} is no flight recording: ${messageOf(problem)}. A failed stop names its file in the log.`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", message);
  }
};
