// @ts-check
/** The flight deck: one list of all instances that are shown, in rows or, where there are many, in cells. */
import { byId, icon, make, setAttribute, setChildren, setText } from "../../../http/page/dom.js";
import { hourTime, secondTime } from "../../../http/page/format.js";
import * as fleet from "./fleet.js";
import { needOf } from "./judge.js";
import { RowView } from "./row.js";
import { TierView } from "./tier.js";

/** @import { WireRow } from "../wire.ts" */
/** @import { Window } from "./lane.js" */
/** @import { Form } from "./tier.js" */

/** with so many at most, rows are tall; with so many at most, each has a row */
const tallCount = 8;
const rowCount = 80;
/** rows of a service beside its cells, at most */
const besideCount = 40;
const ticks = 5;
const order = new Intl.Collator("en", { numeric: true });

/** What is shown. @typedef {{ ms: number, text: string, state: string, open: string }} Choice */
/** @type {Choice} */
let choice = { ms: 600_000, text: "", state: "", open: "" };
/** @type {Window} */
let lanes = { epoch: 0, ms: choice.ms };
/** @type {Map<string, RowView>} */
const views = new Map();
/** `rows`: by name. `isFull`: there is no room for a further row. @typedef {{ view: TierView, rows: Map<string, WireRow>, form: Form, isFull: boolean }} Tier */
/** By service. @type {Map<string, Tier>} */
const tiers = new Map();
/** @type {(name: string) => void} */
let onOpen = () => {};

/** ms that the lanes show. */
export const windowMs = () => choice.ms;
/** The state that is a filter; empty where none is. */
export const stateFilter = () => choice.state;

/** @param {(name: string) => void} listener */
export const onDeckOpen = (listener) => {
  onOpen = listener;
};

/** Whether it is shown: one that stopped in order before the window began is not. @param {WireRow} row */
const isShown = (row) => {
  if (row.isOver && !row.hasDied && (row.end?.at ?? row.since) < fleet.now() - choice.ms) return false;
  if (choice.state !== "" && (row.state !== choice.state || row.kind === "expired")) return false;
  const words = `${row.name} ${row.host} ${row.version} ${row.state} ${row.kind}`.toLowerCase();
  return choice.text
    .toLowerCase()
    .split(" ")
    .every((part) => words.includes(part));
};

/** @param {WireRow} row */
const viewOf = (row) => {
  const known = views.get(row.name);
  if (known !== undefined) return known;
  const view = new RowView();
  views.set(row.name, view);
  return view;
};

const moment = () => ({ now: fleet.now(), stateOf: fleet.stateOf, isPast: fleet.staleFor() > 0 });

/** Those that need a look. @param {readonly WireRow[]} rows */
const needyOf = (rows) => {
  const at = moment();
  return new Set(rows.filter((row) => needOf(row, at) !== undefined));
};

/** In the order of the deck: by name, and where there are many, the largest first. @param {readonly WireRow[]} rows */
const sortedGroups = (rows) => {
  const isMany = rows.length > rowCount;
  const groups = [...fleet.byService(rows)].sort(
    ([a, ofA], [b, ofB]) => (isMany ? ofB.length - ofA.length : 0) || order.compare(a, b),
  );
  for (const [, own] of groups) own.sort((a, b) => order.compare(a.instance, b.instance));
  return new Map(groups);
};

/** @param {string} service */
const tierOf = (service) => tiers.get(service)?.view ?? new TierView(service, (name) => onOpen(name));

/** Lays out anew which rows and cells there are. Elements are kept by name. */
export const arrange = () => {
  const shown = [...fleet.rows.values()].filter(isShown);
  const groups = sortedGroups(shown);
  const isFlat = [...groups.values()].every(({ length }) => length === 1);
  /** @type {Form} */
  const form = shown.length > rowCount ? "many" : isFlat ? "alone" : "rows";
  lanes = { epoch: fleet.now() - choice.ms, ms: choice.ms };
  byId("deck").style.setProperty("--moved", "0");
  byId("deck").classList.toggle("big", shown.length <= tallCount);
  for (const service of tiers.keys()) if (!groups.has(service)) tiers.delete(service);
  const used = new Set();
  const sorted = [...groups].map(([service, rows]) => {
    const needy = needyOf(rows);
    const isBeside = (/** @type {WireRow} */ row) => row.name === choice.open || needy.has(row);
    const own = form === "many" ? rows.filter(isBeside).slice(0, besideCount) : rows;
    for (const { name } of own) used.add(name);
    const view = tierOf(service);
    view.arrange(rows, form, own.map(viewOf), choice.open);
    tiers.delete(service);
    const isFull = form === "many" && own.length === besideCount;
    tiers.set(service, { view, rows: new Map(rows.map((row) => [row.name, row])), form, isFull });
    for (const row of own) viewOf(row).show(row, lanes, row.name === choice.open);
    view.showSummary(rows, needy.size, lanes, form);
    return view.element;
  });
  for (const name of views.keys()) if (!used.has(name)) views.delete(name);
  setChildren(byId("tiers"), sorted);
  byId("none").hidden = shown.length > 0;
  showFilter(shown.length);
  showTicks();
};

/** @param {number} count */
const showFilter = (count) => {
  const isFiltered = choice.state !== "" || choice.text !== "";
  byId("filtered").hidden = !isFiltered;
  const what = [choice.state === "" ? "" : `in ${choice.state}`, choice.text === "" ? "" : `with “${choice.text}”`];
  setText(byId("filtered-text"), isFiltered ? `${count} ${what.filter((part) => part !== "").join(" and ")}` : "");
};

/** Shows some rows that have changed; false where the layout has to be made anew for one of them. @param {readonly string[]} names */
export const showRows = (names) => {
  const touched = new Set();
  let isFit = true;
  for (const name of names) {
    const row = fleet.rows.get(name);
    const tier = row === undefined ? undefined : tiers.get(row.service);
    if (row === undefined || tier?.rows.has(name) !== true) {
      isFit = false;
      continue;
    }
    tier.rows.set(name, row);
    isFit = showRow(row, tier) && isFit;
    touched.add(row.service);
  }
  for (const service of touched) if (tiers.get(service)?.form !== "many") showTier(service);
  return isFit;
};

/** Shows a row in its place; false where that is not its place any more. @type {(row: WireRow, tier: Tier) => boolean} */
const showRow = (row, { view: tierView, form, isFull }) => {
  const view = views.get(row.name);
  const isOpen = row.name === choice.open;
  view?.show(row, lanes, isOpen);
  if (form === "many") tierView.showCell(row, isOpen);
  if (!isShown(row) || form !== "many") return isShown(row);
  const isBeside = isOpen || needOf(row, moment()) !== undefined;
  return (view !== undefined) === isBeside || (isFull && view === undefined);
};

/** @param {string} service */
const showTier = (service) => {
  const tier = tiers.get(service);
  if (tier === undefined) return;
  const rows = [...tier.rows.values()];
  tier.view.showSummary(rows, needyOf(rows).size, lanes, tier.form);
};

const showTicks = () => {
  const end = fleet.now();
  const texts = Array.from({ length: ticks + 1 }, (_, at) => {
    if (at === ticks && fleet.isLive()) return "now";
    return (choice.ms < 600_000 || at === ticks ? secondTime : hourTime)(end - choice.ms + (at * choice.ms) / ticks);
  });
  const list = byId("ticks");
  list.classList.toggle("fine", choice.ms < 600_000);
  if (list.childElementCount === 0) {
    for (let at = 0; at <= ticks; at += 1) {
      const tick = make("span", "");
      tick.style.setProperty("left", `${(100 * at) / ticks}%`);
      list.append(tick);
    }
  }
  for (const [at, text] of texts.entries()) setText(/** @type {Element} */ (list.children[at]), text);
};

/** What changes with time alone: one property moves every lane. */
export const moveDeck = () => {
  const moved = (100 * (fleet.now() - choice.ms - lanes.epoch)) / choice.ms;
  // a lane keeps what has left it until it is filled again
  if (moved > 50) return arrange();
  byId("deck").style.setProperty("--moved", moved.toFixed(3));
  for (const [name, view] of views) {
    const row = fleet.rows.get(name);
    if (row !== undefined) view.showAge(row);
  }
  for (const service of tiers.keys()) showTier(service);
  showTicks();
};

/** Changes what is shown. @param {Partial<Choice>} next */
export const choose = (next) => {
  choice = { ...choice, ...next };
  for (const button of byId("windows").children)
    setAttribute(button, "aria-pressed", String(Number(/** @type {HTMLElement} */ (button).dataset.ms) === choice.ms));
  if (fleet.states.length > 0) arrange();
};

/** The links of the rows, from above to below. @returns {HTMLElement[]} */
export const rowLinks = () => [...byId("tiers").querySelectorAll(".who")].map((link) => /** @type {HTMLElement} */ (link));

/** @type {(look: readonly (string | Element)[], text: string) => Element} */
const legendItem = (look, text) =>
  make("span", "", make("i", "", ...look.map((part) => (typeof part === "string" ? make("i", part) : part))), text);

/** The names of the states are the chart's. */
export const showLegend = () => {
  const boot = fleet.states.filter(({ part }) => part === "boot").at(3)?.name ?? "";
  const run = fleet.states.find(({ part }) => part === "run")?.name ?? "";
  const stop = fleet.states.find(({ isEnding }) => isEnding)?.name ?? "";
  const end = fleet.states.find(({ isFinal }) => isFinal)?.name ?? "";
  byId("legend").replaceChildren(
    legendItem([`b is-${boot}`], "boot"),
    legendItem([`b is-${run} working`], run),
    legendItem([`b is-${run} unready`], "not ready"),
    legendItem([`b short is-${stop}`, "end"], end),
    legendItem(["b short unknown", icon("x", "x")], "failed or gone"),
    legendItem(["flag"], "new release"),
  );
};
