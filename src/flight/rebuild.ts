/** Rebuilds the recording of a boot that was killed, and so wrote none, from the journal. */

import type { PhaseOutcome, PhaseRecord } from "../../machines/index.ts";
import { initialState, isChartPhase } from "../../machines/phases.ts";
import { defaultSettings } from "../../machines/settings.ts";
import type { JournalEntry, JournalItem } from "../journal/entry.ts";
import type { FlightEntry, FlightRecording } from "./recording.ts";
import { flightFormat } from "./recording.ts";

type Item<Kind extends JournalItem["kind"]> = Extract<JournalItem, { kind: Kind }>;

const itemsOf = (entries: readonly JournalEntry[]): JournalItem[] =>
  entries.flatMap(({ items }) => items).sort((one, other) => one.at - other.at);

/** The entries of one boot of an instance, oldest first; what a parent or the reaper wrote of it has no boot or the same. */
const entriesOfBoot = (entries: readonly JournalEntry[], wanted: string): readonly JournalEntry[] => {
  const own = (entry: JournalEntry): boolean => entry.boot === wanted;
  const [first, last] = [entries.findIndex(own), entries.findLastIndex(own)];
  const next = entries.findIndex(({ boot }, at) => at > last && boot !== "");
  return first === -1 ? [] : entries.slice(first, next === -1 ? undefined : next).filter((each) => own(each) || each.boot === "");
};

/** Where the chart was after each item. */
const pathsOf = (items: readonly JournalItem[]): string[] => {
  let path: string = initialState;
  return items.map((item) => {
    if (item.kind === "step") path = item.path;
    return path;
  });
};

const entryOf = (item: JournalItem, offsetMs: number, path: string): FlightEntry[] => {
  const moment = { at: item.at, offsetMs };
  const fact = (type: string, own: Readonly<Record<string, unknown>>): FlightEntry[] => [
    { kind: "fact", ...moment, fact: { type, ...own } },
  ];
  switch (item.kind) {
    case "step":
      return [{ kind: "step", ...moment, event: { type: item.event }, path }];
    case "began":
      return [{ kind: "step", ...moment, event: { type: "phase.began", phase: item.phase }, path }];
    case "ended": {
      const { phase, outcome } = item;
      return isChartPhase(phase) ? [] : [{ kind: "step", ...moment, event: { type: "phase.ended", phase, outcome }, path }];
    }
    case "fact":
      return fact(item.type, { reason: item.text });
    case "ready":
      return fact(item.ready ? "is ready" : "is not ready", { reason: item.reason });
    case "lost":
      return fact("journal.lost", { reason: `${item.count} messages are not in the journal` });
    case "expired":
      return fact("lease.expired", { reason: `last known in ${item.state}` });
    case "exited":
      return fact("process.exited", { reason: item.signal ?? `code ${item.exitCode ?? "unknown"}` });
    default:
      return [];
  }
};

const phasesOf = (items: readonly JournalItem[], began: number): PhaseRecord[] => {
  const ended = items.filter((item): item is Item<"ended"> => item.kind === "ended");
  const open = items.filter(
    (item): item is Item<"began"> =>
      item.kind === "began" && !ended.some(({ phase, at }) => phase === item.phase && at >= item.at),
  );
  const whole = ended.map(({ phase, outcome, ms, at }) => ({
    phase,
    startedAt: Math.round(at - ms),
    offsetMs: Math.max(0, at - ms - began),
    durationMs: ms,
    outcome: outcome as PhaseOutcome,
  }));
  const openPhases = open.map(({ phase, at }) => ({ phase, startedAt: Math.round(at), offsetMs: at - began }));
  return [...whole, ...openPhases, ...lastPhase(items, began)].sort((one, other) => one.offsetMs - other.offsetMs);
};

/** The state in which it was last seen. */
const lastPhase = (items: readonly JournalItem[], began: number): PhaseRecord[] => {
  const last = items.findLast((item): item is Item<"step"> => item.kind === "step");
  const phase = last?.path.split(".", 1)[0];
  const entered = items.find((item) => item.kind === "step" && item.path.split(".", 1)[0] === phase);
  return phase === undefined || entered === undefined
    ? []
    : [{ phase, startedAt: Math.round(entered.at), offsetMs: entered.at - began }];
};

/**
 * The recording of a boot in these entries of one instance; undefined where there is none. Events have their types only, and
 * the settings are the defaults.
 */
export const rebuiltFlight = (entries: readonly JournalEntry[], wanted: string): FlightRecording | undefined => {
  const boot = entriesOfBoot(entries, wanted);
  const items = itemsOf(boot);
  const [first] = items;
  const name = boot[0];
  if (name === undefined || first === undefined) return undefined;
  const last = items.at(-1)!;
  const paths = pathsOf(items);
  const end = items.findLast((item): item is Item<"end"> => item.kind === "end");
  return {
    format: flightFormat,
    service: name.service,
    instance: name.instance,
    pid: 0,
    writtenAt: Math.round(last.at),
    uptimeMs: last.at - first.at,
    path: paths.at(-1)!,
    settings: defaultSettings,
    dropped: 0,
    entries: items.flatMap((item, at) => entryOf(item, item.at - first.at, paths[at]!)),
    phases: phasesOf(items, first.at),
    end: end === undefined ? null : { outcome: end.outcome, reason: end.reason, failures: end.failures },
  };
};
