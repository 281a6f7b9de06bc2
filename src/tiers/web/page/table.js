// @ts-check
/** Rows of a table, each kept by its key and changed only where it differs. */
import { make } from "../../../http/page/dom.js";

/** @typedef {{ readonly attributes: Readonly<Record<string, string>>, readonly cells: readonly Cell[] }} RowContent */
/** @typedef {{ readonly text: string, readonly title?: string, readonly tone?: string, readonly className?: string }} Cell */

/** Of the elements of a table, by name: one that is laid out as a grid has lost them. */
const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TH: "columnheader", TD: "cell" };

/** @param {Element} element */
const giveRole = (element) => {
  const role = roles[/** @type {keyof typeof roles} */ (element.tagName)];
  if (role !== undefined) element.setAttribute("role", role);
};

/** @type {(texts: readonly string[], text: string) => number} */
const placeOf = (texts, text) => {
  let [low, high] = [0, texts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {string} */ (texts[middle]) < text) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** @type {(target: HTMLElement, name: string, value: string) => void} */
const setAttribute = (target, name, value) => {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
};

/** The dot is a mark beside the word, for the eye only. @param {Cell} cell */
const createCell = ({ tone, className = "" }) => {
  const element = make("td", className);
  giveRole(element);
  if (tone !== undefined) {
    const dot = make("span", "dot");
    dot.setAttribute("aria-hidden", "true");
    element.append(dot);
  }
  element.append("");
  return element;
};

/** @type {(element: HTMLElement, cell: Cell) => void} */
const fillCell = (element, { text, title, tone }) => {
  const words = /** @type {Text} */ (element.lastChild);
  if (words.data !== text) words.data = text;
  if (title !== undefined) setAttribute(element, "title", title);
  if (tone !== undefined) setAttribute(element, "data-tone", tone);
};

export class KeyedTable {
  #body;
  /** By key. @type {Map<string, HTMLTableRowElement>} */
  #elements = new Map();
  /** in order @type {string[]} */
  #keys = [];

  /** @param {HTMLElement} body */
  constructor(body) {
    this.#body = body;
    const table = /** @type {Element} */ (body.closest("table"));
    for (const element of [table, ...table.querySelectorAll("*")]) giveRole(element);
  }

  get keys() {
    return this.#elements.keys();
  }

  /** Shows the row at its place among the keys. @type {(key: string, content: RowContent) => void} */
  put(key, { attributes, cells }) {
    const known = this.#elements.get(key);
    const element = known ?? document.createElement("tr");
    if (known === undefined) {
      giveRole(element);
      element.append(...cells.map(createCell));
    }
    for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
    for (const [at, cell] of cells.entries()) fillCell(/** @type {HTMLElement} */ (element.children[at]), cell);
    if (known === undefined) this.#insert(key, element);
  }

  /** @param {string} key */
  remove(key) {
    const element = this.#elements.get(key);
    if (element === undefined) return;
    element.remove();
    this.#elements.delete(key);
    this.#keys.splice(placeOf(this.#keys, key), 1);
  }

  clear() {
    this.#body.replaceChildren();
    this.#elements.clear();
    this.#keys.length = 0;
  }

  /** @type {(key: string, element: HTMLTableRowElement) => void} */
  #insert(key, element) {
    const at = placeOf(this.#keys, key);
    const next = this.#keys[at];
    this.#keys.splice(at, 0, key);
    this.#elements.set(key, element);
    this.#body.insertBefore(element, next === undefined ? null : (this.#elements.get(next) ?? null));
  }
}
