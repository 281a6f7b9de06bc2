// @ts-check
/** One instance as a row: who it is, where it stands, its lane, and for how long. Built once and changed in place. */
import { make, setAttribute, setText } from "../../../http/page/dom.js";
import { briefly, place } from "../../../http/page/format.js";
import * as fleet from "./fleet.js";
import { fallsOf, isAlive, isUnready, since } from "./judge.js";
import { fillLane, laneWords, piecesOf } from "./lane.js";

/** @import { WireRow } from "../wire.ts" */
/** @import { Window } from "./lane.js" */

/** The link to an instance, on this page. @param {Pick<WireRow, "service" | "instance">} row */
export const linkTo = ({ service, instance }) => `#/${encodeURIComponent(service)}/${encodeURIComponent(instance)}`;

/** What the word of a state has beside it, and whether that is bad. @type {(row: WireRow) => readonly [text: string, isBad: boolean]} */
const besides = (row) => {
  const falls = fallsOf(row, fleet.now());
  if (!isAlive(row)) return [row.kind === "expired" ? "wrote no end" : (row.end?.outcome ?? row.kind), row.hasDied];
  if (isUnready(row, fleet.stateOf)) return ["not ready", true];
  if (falls > 1) return [`died ${falls} times`, true];
  const below = row.path.slice(row.state.length + 1);
  return [below === "" ? "" : `› ${place(below)}`, false];
};

/** The word for where a row is, with its tense. @param {WireRow} row */
export const stateWord = (row) => {
  const word = row.kind === "expired" ? "gone" : row.state;
  return fleet.staleFor() > 0 ? `was ${word}` : word;
};

/** The class of its colour. @param {WireRow} row */
export const toneOf = (row) => (row.hasDied ? "is-bad" : `is-${row.state}`);

export class RowView {
  #who;
  #name = document.createTextNode("");
  #release = make("small", "");
  #leads = make("span", "leads");
  #words = make("span", "sr");
  #dot = make("i", "dot");
  #state = make("span", "");
  #beside = make("small", "");
  #track = make("div", "track");
  #for = make("time", "");
  element;

  constructor() {
    this.#who = make("a", "who", this.#name, this.#leads, this.#release, this.#words);
    this.#dot.setAttribute("aria-hidden", "true");
    const lane = make("div", "lane", this.#track);
    lane.setAttribute("aria-hidden", "true");
    this.element = make("li", "row", this.#who, make("div", "st", this.#dot, this.#state, this.#beside), lane, this.#for);
  }

  get link() {
    return this.#who;
  }

  /** @type {(row: WireRow, window: Window, isOpen: boolean) => void} */
  show(row, window, isOpen) {
    const [text, isBad] = besides(row);
    this.element.className = `row${isAlive(row) ? "" : " dead"}${isOpen ? " open" : ""}`;
    this.element.dataset.name = row.name;
    this.element.dataset.service = row.service;
    this.element.dataset.state = row.state;
    this.element.dataset.kind = row.kind;
    if (this.#name.data !== row.instance) this.#name.data = row.instance;
    setText(this.#release, row.version);
    setText(this.#leads, row.leads.length > 0 ? "★" : "");
    setAttribute(this.#leads, "title", row.leads.length > 0 ? `leads ${row.leads.join(", ")}` : undefined);
    setAttribute(this.#who, "href", linkTo(row));
    setAttribute(this.#who, "aria-current", isOpen ? "true" : undefined);
    setAttribute(this.#who, "title", `${row.name} · ${row.host} · pid ${row.pid} · ${row.version}`);
    this.#dot.className = `dot ${toneOf(row)}${isAlive(row) ? "" : " hollow"}`;
    setText(this.#state, stateWord(row));
    setText(this.#beside, text);
    this.#beside.className = isBad ? "no" : "";
    this.showLane(row, window);
    this.showAge(row);
  }

  /** @type {(row: WireRow, window: Window) => void} */
  showLane(row, window) {
    const from = fleet.now() - window.ms;
    fillLane(this.#track, piecesOf(row.lane, from, fleet.stateOf), window);
    setText(this.#words, `${row.leads.length > 0 ? ", leads" : ""}${laneWords(row.lane, from, briefly(window.ms))}`);
  }

  /** @param {WireRow} row */
  showAge(row) {
    setText(this.#for, briefly(Math.max(0, fleet.now() - since(row, fleet.stateOf))));
  }
}
