/** What happened to an instance: a sentence for each item of its journal. */
import { isRunning } from "../../machines/index.ts";
import { briefly } from "../http/page/format.js";
import type { JournalItem } from "../journal/item.ts";
import type { RowMoment } from "./row.ts";

type Sentence = readonly [text: string, level: RowMoment["level"]] | undefined;
type Words = { readonly [Kind in JournalItem["kind"]]: (item: Extract<JournalItem, { kind: Kind }>) => Sentence };

const isGood = (outcome: string): boolean => outcome === "done" || outcome === "skipped";

/** Undefined: the item has no sentence. Phases of `run` that end well have none, since there may be thousands. */
const words: Words = {
  step: ({ path }) => [`entered ${path}`, "info"],
  began: ({ phase }) => (isRunning(phase) ? undefined : [`${phase} began`, "info"]),
  ended: ({ phase, outcome, ms }) =>
    isRunning(phase) && isGood(outcome)
      ? undefined
      : [`${phase} ${outcome} after ${briefly(ms)}`, isGood(outcome) ? "info" : "warn"],
  fact: ({ text, level }) => [text, level],
  ready: ({ ready, reason }) => (ready ? ["ready", "info"] : [`not ready: ${reason}`, "warn"]),
  waits: () => undefined,
  leads: ({ name, leads }) => [leads ? `leads '${name}'` : `leads '${name}' no more`, "info"],
  lost: ({ count }) => [`${count} messages were lost while Redis was away`, "warn"],
  counted: () => undefined,
  end: ({ outcome, reason }) => [`ends as ${outcome} (${reason})`, outcome === "failed" ? "error" : "info"],
  expired: ({ state }) => [`its lease expired in '${state}'`, "error"],
  exited: ({ exitCode, signal }) =>
    signal === null
      ? [`the process exited with code ${exitCode ?? "unknown"}`, exitCode === 0 ? "info" : "error"]
      : [`the process was ended by ${signal}`, "error"],
};

/** Undefined for an item without a sentence. */
export const momentOf = (item: JournalItem): RowMoment | undefined => {
  const sentence = (words[item.kind] as (item: JournalItem) => Sentence)(item);
  return sentence && { at: item.at, text: sentence[0], level: sentence[1] };
};
