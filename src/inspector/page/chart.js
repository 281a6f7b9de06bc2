/** A drawn chart, lit: where the machine is, the arrow that was just taken, what was refused. */
import { make } from "../../http/page/dom.js";

/** how long an arrow stays lit once another one was taken, and a refusal is shown */
const trailMs = 900;
const refusalMs = 4000;

const svgFrom = async (name) => {
  const response = await fetch(`/chart/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(JSON.parse(text).error ?? text);
  return document.adoptNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement);
};

const failure = (name, error, again) => {
  const button = make("button", "quiet", "Try again");
  button.type = "button";
  button.addEventListener("click", again);
  return make("div", "failure", make("p", "", `The chart ${name} is not to be had.`), make("p", "why", error.message), button);
};

/** `stopping.draining` → the ids of both states */
const idsOf = (name, path) => {
  const parts = path === "" ? [] : path.split(".");
  return parts.map((_, index) => [name, ...parts.slice(0, index + 1)].join("."));
};

/** Reading the layout between the two makes the browser forget that it was lit. */
const beginAnew = (element) => {
  element.classList.remove("taken");
  element.getBoundingClientRect();
};

export class Chart {
  #name;
  #panel;
  #isFollowed;
  #states = new Map();
  #edges = new Map();
  #path = "";
  #taken = [];
  #lit = [];

  /** @param {string} name @param {HTMLElement} panel @param {() => boolean} isFollowed */
  constructor(name, panel, isFollowed) {
    this.#name = name;
    this.#panel = panel;
    this.#isFollowed = isFollowed;
  }

  async load() {
    this.#panel.replaceChildren(make("div", "skeleton", "drawing"));
    try {
      const svg = await svgFrom(this.#name);
      this.#index(svg);
      this.#panel.replaceChildren(svg);
      this.#show();
    } catch (error) {
      this.#panel.replaceChildren(failure(this.#name, error, () => this.load()));
    }
  }

  /** The machine is at `path`; empty before it has begun. */
  at(path) {
    if (path === this.#path) return;
    this.#path = path;
    this.#show();
  }

  /** `edges` were just taken; without motion for what has long happened. */
  take(edges, isReplayed) {
    const elements = edges.flatMap((id) => this.#edges.get(id) ?? []);
    const before = this.#taken.filter((element) => !elements.includes(element));
    this.#taken = elements;
    if (isReplayed) for (const element of before) element.classList.remove("taken");
    else setTimeout(() => this.#fade(before), trailMs);
    for (const element of elements) {
      if (!isReplayed && element.classList.contains("taken")) beginAnew(element);
      element.classList.add("taken");
    }
  }

  /** An event had no arrow at `path`. */
  refuse(path) {
    const element = this.#states.get(idsOf(this.#name, path).at(-1));
    if (element === undefined) return;
    element.classList.add("refused");
    setTimeout(() => element.classList.remove("refused"), refusalMs);
  }

  /** Brings the active state into sight, if that is wanted. */
  follow() {
    const element = this.#lit.at(-1);
    if (element === undefined || this.#panel.hidden || !this.#isFollowed()) return;
    const [box, view] = [element.getBoundingClientRect(), this.#panel.getBoundingClientRect()];
    const isInSight = box.top > view.top + 60 && box.bottom < view.bottom - 60 && box.left > view.left && box.right < view.right;
    if (isInSight) return;
    const top = this.#panel.scrollTop + box.top - view.top - (view.height - box.height) / 2;
    const left = this.#panel.scrollLeft + box.left - view.left - (view.width - box.width) / 2;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#panel.scrollTo({ top, left, behavior: calm ? "instant" : "smooth" });
  }

  #fade(elements) {
    for (const element of elements) if (!this.#taken.includes(element)) element.classList.remove("taken");
  }

  #index(svg) {
    this.#states = new Map([...svg.querySelectorAll("[data-state]")].map((element) => [element.dataset.state, element]));
    this.#edges = new Map();
    for (const element of svg.querySelectorAll("[data-edge]")) {
      for (const id of element.dataset.edge.split(" ")) this.#edges.set(id, [...(this.#edges.get(id) ?? []), element]);
    }
  }

  #show() {
    for (const element of this.#lit) element.classList.remove("active");
    this.#lit = idsOf(this.#name, this.#path).flatMap((id) => this.#states.get(id) ?? []);
    for (const element of this.#lit) element.classList.add("active");
    this.follow();
  }
}
