// @ts-check
/** The last events, the newest first. */
import { byId, make } from "../../http/page/dom.js";
import { clockTime, duration, place } from "../../http/page/format.js";

/** @import { InspectionRecord, Noted } from "../records.ts" */

const shown = 200;

/** What happened, and more about it. @type {(fact: Noted["fact"]) => [what: string, why: string]} */
const factTexts = (fact) => {
  switch (fact.type) {
    case "phase.ended":
      return [`${place(String(fact.phase))} ${fact.outcome}`, duration(Number(fact.durationMs))];
    case "failed":
      return [`${fact.code} in ${place(String(fact.phase))}`, String(fact.message)];
    case "stopped":
      return [`stopped: ${fact.outcome}`, `${fact.reason} (exit code ${fact.exitCode})`];
    default:
      return [fact.type, String(fact.reason ?? "")];
  }
};

const badFacts = new Set(["failed", "lease.superseded", "lease.broken", "lease.lost", "lease.abandoned"]);
const badOutcomes = new Set(["failed", "timeout"]);

/** @param {Noted["fact"]} fact */
const isBad = ({ type, outcome }) => badFacts.has(type) || badOutcomes.has(String(outcome));

/** @type {(record: InspectionRecord) => [what: string, why: string]} */
const textsOf = (record) => {
  if (record.kind === "fact") return factTexts(record.fact);
  const machine = record.machine === "lifecycle" ? "" : `${record.machine}: `;
  if (record.kind === "refused") return [`${machine}${record.word} refused`, `no arrow in ${place(record.from)}`];
  return [`${machine}${place(record.to)}`, `${record.word === "" ? "at once" : record.word}, from ${place(record.from)}`];
};

/** @param {InspectionRecord} record */
const classOf = (record) => {
  if (record.kind === "refused") return "refused";
  if (record.kind === "fact") return isBad(record.fact) ? "fact bad" : "fact";
  return record.isBeat ? "taken beat" : `taken ${record.machine}`;
};

/** @param {InspectionRecord} record */
const itemOf = (record) => {
  const [what, why] = textsOf(record);
  const time = /** @type {HTMLTimeElement} */ (make("time", "", clockTime(record.at)));
  time.dateTime = new Date(record.at).toISOString();
  return make("li", classOf(record), time, make("b", "", what), make("span", "why", why));
};

/** Shows that records were dropped before they could be sent. @param {number} missed */
export const addGap = (missed) => byId("events").prepend(make("li", "gap", `${missed} earlier events are no longer kept`));

export const clearEvents = () => byId("events").replaceChildren();

/** @param {InspectionRecord} record */
export const addEvent = (record) => {
  const list = byId("events");
  const item = itemOf(record);
  item.dataset.seq = String(record.seq);
  list.prepend(item);
  while (list.childElementCount > shown) list.lastElementChild?.remove();
};
