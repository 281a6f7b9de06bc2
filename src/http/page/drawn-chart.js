// @ts-check
/** A drawn chart, lit: the active state, the arrow that was just taken, what was refused. */
import { make } from "./dom.js";
import { readObject } from "./json.js";
import { authorization } from "./token.js";

/** ms for which an arrow stays lit after another one was taken */
const trailMs = 900;
/** ms for which a refusal is shown */
const refusalMs = 4000;
/** distance in px from the edge of the view at which a state counts as in sight */
const marginPx = 60;

/** @param {string} name */
const loadSvg = async (name) => {
  const response = await fetch(`/chart/${name}`, { headers: authorization });
  const text = await response.text();
  if (!response.ok) throw new Error(readObject(text)?.error ?? text);
  return document.adoptNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement);
};

/** @type {(name: string, error: unknown, retry: () => void) => HTMLElement} */
const failure = (name, error, retry) => {
  const button = /** @type {HTMLButtonElement} */ (make("button", "quiet", "Try again"));
  button.type = "button";
  button.addEventListener("click", retry);
  const why = error instanceof Error ? error.message : String(error);
  return make("div", "failure", make("p", "", `The chart ${name} could not be loaded.`), make("p", "why", why), button);
};

/** The ids of the state at a path below `root` and of those around it, outermost first. @type {(root: string, path: string) => string[]} */
const idsBelow = (root, path) => {
  const parts = path === "" ? [] : path.split(".");
  return parts.map((_, index) => [root, ...parts.slice(0, index + 1)].join("."));
};

/** Ends the element's animation; reading the layout keeps the browser from merging this with the next change. @param {Element} element */
const endAnimation = (element) => {
  element.classList.remove("taken");
  element.getBoundingClientRect();
};

export class Chart {
  #name;
  #panel;
  #isFollowed;
  /** By id. @type {Map<string, Element>} */
  #states = new Map();
  /** By id. @type {Map<string, Element[]>} */
  #edges = new Map();
  #path = "";
  /** @type {Element[]} */
  #taken = [];
  /** @type {Element[]} */
  #lit = [];
  #isLoaded = false;
  /** @type {readonly string[]} */
  #been = [];
  /** @type {readonly string[]} */
  #broken = [];

  /**
   * @param {string} name
   * @param {HTMLElement} panel
   * @param {() => boolean} isFollowed whether the active state is scrolled into sight
   */
  constructor(name, panel, isFollowed) {
    this.#name = name;
    this.#panel = panel;
    this.#isFollowed = isFollowed;
  }

  /** Loads the drawing when its panel is shown for the first time; later scrolls the active state into sight, where that is wanted. */
  reveal() {
    if (this.#panel.hidden) return;
    if (this.#isLoaded) this.#follow();
    else void this.#load();
  }

  async #load() {
    this.#isLoaded = true;
    this.#panel.replaceChildren(make("div", "skeleton", "drawing"));
    try {
      const svg = await loadSvg(this.#name);
      this.#index(svg);
      this.#panel.replaceChildren(svg);
      this.#light();
      this.mark(this.#been, this.#broken);
    } catch (error) {
      this.#panel.replaceChildren(failure(this.#name, error, () => void this.#load()));
    }
  }

  /** Lights the state at `path`; empty before the machine has begun. @param {string} path */
  at(path) {
    if (path === this.#path) return;
    this.#path = path;
    this.#light();
  }

  /**
   * Lights arrows that were taken; without animation for what was replayed.
   *
   * @param {readonly string[]} ids
   * @param {boolean} isReplayed
   */
  take(ids, isReplayed) {
    const elements = ids.flatMap((id) => this.#edges.get(id) ?? []);
    const before = this.#taken.filter((element) => !elements.includes(element));
    this.#taken = elements;
    if (isReplayed) for (const element of before) element.classList.remove("taken");
    else setTimeout(() => this.#fade(before), trailMs);
    for (const element of elements) {
      if (!isReplayed && element.classList.contains("taken")) endAnimation(element);
      element.classList.add("taken");
    }
  }

  /** Marks where it was and where it failed; names of phases that are no state mark nothing. @type {(been: readonly string[], broken: readonly string[]) => void} */
  mark(been, broken) {
    this.#been = been;
    this.#broken = broken;
    for (const element of this.#states.values()) element.classList.remove("been", "broken");
    for (const path of been) this.#states.get(`${this.#name}.${path}`)?.classList.add("been");
    for (const path of broken) this.#states.get(`${this.#name}.${path}`)?.classList.add("broken");
  }

  /** Nothing was taken and nothing is marked: another boot begins. */
  clear() {
    for (const element of this.#taken) element.classList.remove("taken");
    this.#taken = [];
    this.mark([], []);
  }

  /** Shows for a while that an event had no arrow at `path`. @param {string} path */
  refuse(path) {
    const element = this.#states.get(this.#idsOf(path).at(-1) ?? "");
    if (element === undefined) return;
    element.classList.add("refused");
    setTimeout(() => element.classList.remove("refused"), refusalMs);
  }

  #follow() {
    const element = this.#lit.at(-1);
    if (element === undefined || this.#panel.hidden || !this.#isFollowed()) return;
    const [box, view] = [element.getBoundingClientRect(), this.#panel.getBoundingClientRect()];
    const isInHeight = box.top > view.top + marginPx && box.bottom < view.bottom - marginPx;
    if (isInHeight && box.left > view.left && box.right < view.right) return;
    const top = this.#panel.scrollTop + box.top - view.top - (view.height - box.height) / 2;
    const left = this.#panel.scrollLeft + box.left - view.left - (view.width - box.width) / 2;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#panel.scrollTo({ top, left, behavior: isCalm ? "instant" : "smooth" });
  }

  /** The ids of the active states; regions beside each other, `listening.port.main+redis.reachable`, have one parent. @param {string} path */
  #idsOf(path) {
    const [first = "", ...beside] = path.split("+");
    const ids = idsBelow(this.#name, first);
    const parentOf = (/** @type {string} */ region) => ids.findLast((id) => this.#states.has(`${id}.${region}`)) ?? this.#name;
    return [...ids, ...beside.flatMap((region) => idsBelow(parentOf(region), region))];
  }

  /** @param {Element[]} elements */
  #fade(elements) {
    for (const element of elements) if (!this.#taken.includes(element)) element.classList.remove("taken");
  }

  /** @param {HTMLElement} svg */
  #index(svg) {
    /** @type {(name: string) => SVGElement[]} */
    const having = (name) => [...svg.querySelectorAll(`[data-${name}]`)].map((element) => /** @type {SVGElement} */ (element));
    this.#states = new Map(having("state").map((element) => [element.dataset.state ?? "", element]));
    this.#edges = new Map();
    for (const element of having("edge")) {
      for (const id of (element.dataset.edge ?? "").split(" ")) this.#edges.set(id, [...(this.#edges.get(id) ?? []), element]);
    }
  }

  #light() {
    for (const element of this.#lit) element.classList.remove("active");
    this.#lit = this.#idsOf(this.#path).flatMap((id) => this.#states.get(id) ?? []);
    for (const element of this.#lit) element.classList.add("active");
    this.#follow();
  }
}
