// @ts-check
/** The keys of the page: / filters, j k and the arrows go through the rows, c chats, Esc closes. */
import { byId } from "../../../http/page/dom.js";
import { rowLinks } from "./deck.js";
import { closeInstance, showChat } from "./rail.js";
import { isWholeOpen } from "./whole-chart.js";

/** @type {Readonly<Record<string, number>>} */
const steps = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };

/** The arrows scroll, unless a row has the focus. @param {KeyboardEvent} event */
const step = (event) => {
  const links = rowLinks();
  const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (at === -1 && event.key.startsWith("Arrow")) return;
  const next = links[Math.max(0, Math.min(links.length - 1, at === -1 ? 0 : at + (steps[event.key] ?? 0)))];
  event.preventDefault();
  next?.focus();
};

/** @param {EventTarget | null} target */
const isField = (target) => target instanceof HTMLInputElement;

/** Once. */
export const wireKeys = () =>
  addEventListener("keydown", (event) => {
    if (isWholeOpen()) return;
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "Escape") return event.target === byId("find") ? byId("find").blur() : closeInstance();
    if (isField(event.target)) return;
    if (Object.hasOwn(steps, event.key)) return step(event);
    if (event.key !== "/" && event.key !== "c") return;
    event.preventDefault();
    if (event.key === "/") byId("find").focus();
    else showChat({ withFocus: true });
  });
