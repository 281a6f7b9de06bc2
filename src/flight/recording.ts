/** A flight recording: the last transitions and facts of a service as plain JSON, and the check of a file that holds one. */
import type { Failure, LifecycleSettings, PhaseRecord } from "../../machines/index.ts";
import { defaultSettings } from "../../machines/settings.ts";
import { StargazerError } from "../errors.ts";
import { isRecord } from "../record.ts";

export const flightFormat = "stargazer.flight/1";

/** An event of the lifecycle, or a fact, as JSON; errors are reduced to name, message and code. */
export type FlightEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

/** A transition. `path`: the chart's after it. `always`: an eventless transition that followed the same event. */
interface FlightStep {
  readonly kind: "step";
  /** ms since the epoch */
  readonly at: number;
  readonly event: FlightEvent;
  readonly path: string;
  readonly always?: boolean;
}

/** A fact that the service emitted. */
interface FlightFact {
  readonly kind: "fact";
  readonly at: number;
  readonly fact: FlightEvent;
}

export type FlightEntry = FlightStep | FlightFact;

interface FlightEnd {
  readonly outcome: string;
  readonly reason: string;
  readonly failures: readonly Pick<Failure, "phase" | "code" | "message">[];
}

/** What a service last did, as plain JSON: what `flight()` returns, and the file of a failed stop. `entries` is bounded; the oldest go first. */
export interface FlightRecording {
  readonly format: typeof flightFormat;
  readonly service: string;
  readonly instance: string;
  readonly pid: number;
  /** ms since the epoch */
  readonly writtenAt: number;
  /** the path of the chart at that time */
  readonly path: string;
  readonly settings: LifecycleSettings;
  /** the number of older entries that are no longer kept */
  readonly dropped: number;
  readonly entries: readonly FlightEntry[];
  readonly phases: readonly PhaseRecord[];
  /** null while it has not stopped */
  readonly end: FlightEnd | null;
}

/** larger than any recording */
const maxBytes = 16 * 1024 * 1024;

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
/** what a Date can hold, in ms since the epoch */
const isTime: Check = (value) => isNumber(value) && Math.abs(value as number) <= 8.64e15;
const isEvent: Check = (value) => isRecord(value) && isText(value.type);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

type Shape = Readonly<Record<string, readonly [Check, string]>>;
const text = [isText, "a text"] as const;
const number = [isNumber, "a number"] as const;
const time = [isTime, "a time in ms since the epoch"] as const;
const list = [Array.isArray, "a list"] as const;
const event = [isEvent, "an object with a type"] as const;

const recordingShape: Shape = {
  service: text,
  instance: text,
  pid: number,
  writtenAt: time,
  path: text,
  settings: [isRecord, "an object"],
  dropped: number,
  entries: list,
  phases: list,
  end: [(value) => value === null || isRecord(value), "an object or null"],
};
const stepShape: Shape = {
  at: time,
  event,
  path: text,
  always: [optional((value) => typeof value === "boolean"), "true or false"],
};
const factShape: Shape = { at: time, fact: event };
const phaseShape: Shape = {
  phase: text,
  startedAt: time,
  durationMs: [optional(isNumber), "a number"],
  outcome: [optional(isText), "a text"],
};
const endShape: Shape = { outcome: text, reason: text, failures: list };
const failureShape: Shape = { phase: text, code: text, message: text };
const settingsShape: Shape = Object.fromEntries(
  Object.entries(defaultSettings).map(([name, value]) => [
    name,
    [(given: unknown) => typeof given === typeof value, `a ${typeof value}`],
  ]),
);

const misfit = (value: unknown, shape: Shape, where: string): string | undefined => {
  if (!isRecord(value)) return `${where === "" ? "it" : where} must be an object`;
  const wrong = Object.entries(shape).find(([name, [check]]) => !check(value[name]));
  return wrong && `${where === "" ? "" : `${where}.`}${wrong[0]} must be ${wrong[1][1]}`;
};

const firstOf = (list: readonly unknown[], where: string, shapeOf: (item: unknown) => Shape | undefined): string | undefined => {
  for (const [at, item] of list.entries()) {
    const shape = shapeOf(item);
    const problem = shape ? misfit(item, shape, `${where}[${at}]`) : `${where}[${at}].kind must be step or fact`;
    if (problem !== undefined) return problem;
  }
  return undefined;
};

const entryShape = (entry: unknown): Shape | undefined => {
  const kind = (entry as { kind?: unknown } | null)?.kind;
  return kind === "step" ? stepShape : kind === "fact" ? factShape : undefined;
};

const problemOf = (value: unknown): string | undefined => {
  if (!isRecord(value) || value.format !== flightFormat) return `its format is not '${flightFormat}'`;
  const outer = misfit(value, recordingShape, "");
  if (outer !== undefined) return outer;
  const { settings, entries, phases, end } = value as unknown as FlightRecording;
  return (
    misfit(settings, settingsShape, "settings") ??
    firstOf(entries, "entries", entryShape) ??
    firstOf(phases, "phases", () => phaseShape) ??
    (end === null ? undefined : (misfit(end, endShape, "end") ?? firstOf(end.failures, "end.failures", () => failureShape)))
  );
};

/** Reads `json`, which came from the file `name`. Throws `SG_ERR_CONFIG_INVALID`, which names the first problem. */
export const parseFlight = (json: string, name: string): FlightRecording => {
  const refuse = (problem: string) =>
    new StargazerError(
      "SG_ERR_CONFIG_INVALID",
      `${name} is no flight recording: ${problem}. A failed stop names its file in the log.`,
    );
  if (json.length > maxBytes) throw refuse("it is too large");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw refuse("it is not JSON");
  }
  const problem = problemOf(value);
  if (problem !== undefined) throw refuse(problem);
  return value as FlightRecording;
};
