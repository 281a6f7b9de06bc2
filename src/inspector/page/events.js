/** The last events, the newest first. */
import { byId, make } from "../../http/page/dom.js";
import { clockTime, duration, place } from "./format.js";

const shown = 200;

const factText = (fact) => {
  switch (fact.type) {
    case "phase.ended":
      return [`${place(fact.phase)} ${fact.outcome}`, duration(fact.durationMs)];
    case "failed":
      return [`${fact.code} in ${place(fact.phase)}`, fact.message];
    case "stopped":
      return [`stopped: ${fact.outcome}`, `${fact.reason} (exit code ${fact.exitCode})`];
    default:
      return [fact.type, fact.reason ?? ""];
  }
};

const badFacts = new Set(["failed", "lease.superseded", "lease.broken", "lease.lost", "lease.abandoned"]);
const isBad = ({ type, outcome }) =>
  badFacts.has(type) ||
  (type === "stopped" && outcome === "failed") ||
  (type === "phase.ended" && (outcome === "failed" || outcome === "timeout"));

const textOf = (record) => {
  if (record.kind === "fact") return factText(record.fact);
  const where = record.machine === "lifecycle" ? "" : `${record.machine}: `;
  if (record.kind === "refused") return [`${where}${record.word} refused`, `no arrow in ${place(record.from)}`];
  return [`${where}${place(record.to)}`, `${record.word === "" ? "at once" : record.word}, from ${place(record.from)}`];
};

const classOf = ({ kind, machine, from, to, fact }) => {
  if (kind === "refused") return "refused";
  if (kind === "fact") return isBad(fact) ? "fact bad" : "fact";
  return machine === "lease" && from?.startsWith("held") && to.startsWith("held") ? "taken beat" : `taken ${machine}`;
};

const itemOf = (record) => {
  const [what, why] = textOf(record);
  const time = make("time", "", clockTime(record.at));
  time.dateTime = new Date(record.at).toISOString();
  return make("li", classOf(record), time, make("b", "", what), make("span", "why", why));
};

/** Says that some were dropped before they could be shown. */
export const addGap = (missed) => byId("events").prepend(make("li", "gap", `${missed} earlier events are no longer kept`));

export const clearEvents = () => byId("events").replaceChildren();

export const addEvent = (record) => {
  const list = byId("events");
  const item = itemOf(record);
  item.dataset.seq = String(record.seq);
  list.prepend(item);
  while (list.childElementCount > shown) list.lastElementChild.remove();
};
