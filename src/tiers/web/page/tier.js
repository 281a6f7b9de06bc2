// @ts-check
/** One service on the deck: its head, and its instances as rows, or as a river and cells where there are many. */
import { draw, make, setAttribute, setChildren, setText } from "../../../http/page/dom.js";
import * as fleet from "./fleet.js";
import { fallsOf, isExpected, isReady, isUnready } from "./judge.js";
import { flowOf } from "./river.js";
import { stateWord, toneOf } from "./row.js";
import { rolloutOf } from "./sentences.js";

/** @import { WireRow } from "../wire.ts" */
/** @import { Window } from "./lane.js" */
/** @import { RowView } from "./row.js" */
/** @typedef {"rows" | "alone" | "many"} Form `alone`: without a head */

/** @type {(row: WireRow, isOpen: boolean) => string} */
const cellClass = (row, isOpen) => {
  const isWorking = fleet.stateOf(row.state)?.takesWork === true;
  const look = row.isOver ? " gone" : isUnready(row, fleet.stateOf) ? " unready" : isWorking ? " working" : "";
  // one that dies again and again is in trouble in each of its states
  const tone = fallsOf(row, fleet.now()) > 1 && !isReady(row, fleet.stateOf) ? "is-bad" : toneOf(row);
  return `cell ${tone}${look}${isOpen ? " open" : ""}`;
};

const stepOf = { ArrowRight: 1, ArrowLeft: -1 };

export class TierView {
  #title;
  #summary = make("p", "");
  #wave = make("div", "wave");
  #track = make("div", "track");
  #label = make("b", "");
  #most = make("span", "");
  #river = draw("svg", { class: "river", viewBox: "0 0 80 100", preserveAspectRatio: "none" });
  #field = make("div", "field");
  #list = make("ol", "");
  #head;
  /** By name. @type {Map<string, HTMLElement>} */
  #cells = new Map();
  /** What each cell shows: thousands are asked each time, and few have changed. @type {WeakMap<HTMLElement, string>} */
  #shown = new WeakMap();
  element;

  /** @param {string} service @param {(name: string) => void} onOpen */
  constructor(service, onOpen) {
    this.#title = make("h3", "", service);
    this.#head = make("div", "tier-head", make("div", "", this.#title, this.#summary), this.#wave, make("span", ""));
    this.#wave.setAttribute("aria-hidden", "true");
    this.#field.setAttribute("role", "group");
    this.#field.setAttribute("aria-label", `${service}: one cell an instance; the arrow keys move`);
    this.element = make("section", "tier", this.#head, this.#field, this.#list);
    this.#field.addEventListener("click", ({ target }) => {
      const name = /** @type {HTMLElement} */ (target).dataset.name;
      if (name !== undefined) onOpen(name);
    });
    this.#field.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Which rows and cells there are, and in which form. @type {(rows: readonly WireRow[], form: Form, views: readonly RowView[], openName: string) => void} */
  arrange(rows, form, views, openName) {
    this.element.className = form === "alone" ? "tier alone" : "tier";
    this.#head.hidden = form === "alone";
    this.#field.hidden = form !== "many";
    this.#wave.className = form === "many" ? "wave flow" : "wave";
    setChildren(this.#wave, form === "many" ? [this.#river, this.#label, this.#most] : [this.#track, this.#label]);
    setChildren(
      this.#list,
      views.map(({ element }) => element),
    );
    this.#list.hidden = views.length === 0;
    this.#arrangeCells(form === "many" ? rows : [], openName);
  }

  /** @type {(rows: readonly WireRow[], openName: string) => void} */
  #arrangeCells(rows, openName) {
    const kept = new Map(rows.map(({ name }) => [name, this.#cells.get(name) ?? make("button", "cell")]));
    this.#cells = kept;
    for (const row of rows) this.showCell(row, openName === row.name);
    setChildren(this.#field, [...kept.values()]);
    const first = this.#field.querySelector('[tabindex="0"]') ?? this.#field.firstElementChild;
    if (first !== null) setAttribute(first, "tabindex", "0");
  }

  /** @type {(row: WireRow, isOpen: boolean) => void} */
  showCell(row, isOpen) {
    const cell = this.#cells.get(row.name);
    if (cell === undefined) return;
    const look = cellClass(row, isOpen);
    const words = `${row.instance}, ${stateWord(row)}${isUnready(row, fleet.stateOf) ? ", not ready" : ""}`;
    const shown = `${look} ${words}`;
    if (this.#shown.get(cell) === shown) return;
    this.#shown.set(cell, shown);
    cell.className = look;
    if (cell.dataset.name !== row.name) {
      setAttribute(cell, "type", "button");
      cell.dataset.name = row.name;
      cell.tabIndex = -1;
    }
    setAttribute(cell, "aria-label", words);
    setAttribute(cell, "title", words);
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const step = stepOf[/** @type {keyof typeof stepOf} */ (event.key)];
    const cell = /** @type {HTMLElement} */ (event.target);
    const next = step === undefined ? null : step > 0 ? cell.nextElementSibling : cell.previousElementSibling;
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** How it is with all of them. @type {(rows: readonly WireRow[], needs: number, window: Window, form: Form) => void} */
  showSummary(rows, needs, window, form) {
    const living = rows.filter((row) => isExpected(row, fleet.now()));
    const ready = living.filter((row) => isReady(row, fleet.stateOf)).length;
    const of = ` of ${living.length} ${fleet.staleFor() > 0 ? "were " : ""}ready`;
    const look = needs === 0 ? [] : [" · ", make("b", "bad", `${needs} to look at`)];
    const text = `${ready}${of}${needs === 0 ? "" : ` · ${needs} to look at`}`;
    if (this.#summary.textContent !== text) this.#summary.replaceChildren(make("b", "", String(ready)), of, ...look);
    const rollout = rolloutOf(rows, fleet.now() - window.ms, fleet.stateOf);
    setText(this.#label, rollout === undefined ? "" : `rollout ${rollout.version}: ${rollout.done} of ${rollout.of}`);
    if (form === "many") return this.#showFlow(rows, window);
    if (rollout === undefined) return this.#track.replaceChildren();
    const bracket = /** @type {HTMLElement} */ (this.#track.firstElementChild ?? this.#track.appendChild(make("i", "")));
    bracket.style.setProperty("left", `${(100 * (rollout.from - window.epoch)) / window.ms}%`);
    bracket.style.setProperty("width", `${(100 * (rollout.to - rollout.from)) / window.ms}%`);
    const middle = (100 * ((rollout.from + rollout.to) / 2 - (fleet.now() - window.ms))) / window.ms;
    this.#label.style.setProperty("left", `clamp(0px, ${middle.toFixed(1)}% - 70px, 100% - 150px)`);
  }

  /** @type {(rows: readonly WireRow[], window: Window) => void} */
  #showFlow(rows, window) {
    this.#label.style.removeProperty("left");
    const { most, polygons } = flowOf(rows, { to: fleet.now(), ms: window.ms, stateOf: fleet.stateOf });
    this.#wave.classList.toggle("calm", most === 0);
    setText(this.#most, most === 0 ? "" : `at most ${most} not running`);
    this.#river.replaceChildren(...polygons.map(({ look, points }) => draw("polygon", { points, class: look })));
  }
}
