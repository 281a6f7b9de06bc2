// @ts-check
/** The tabs of the charts, as the keyboard expects them. */
import { byId } from "../../http/page/dom.js";

/** @type {Record<string, number>} */
const steps = { ArrowLeft: -1, ArrowRight: 1 };

/** Shows one panel at a time; `onSelect` is called after each change. @param {() => void} onSelect */
export const wireTabs = (onSelect) => {
  const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[role=tab]")]);

  /** @param {HTMLElement} tab */
  const select = (tab) => {
    for (const other of tabs) {
      const isSelected = other === tab;
      other.setAttribute("aria-selected", String(isSelected));
      other.tabIndex = isSelected ? 0 : -1;
      byId(other.getAttribute("aria-controls") ?? "").hidden = !isSelected;
    }
    onSelect();
  };

  for (const tab of tabs) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const shown = tabs.filter(({ hidden }) => !hidden);
      const next = shown[(shown.indexOf(tab) + (steps[key] ?? 0) + shown.length) % shown.length];
      if (steps[key] === undefined || next === undefined) return;
      select(next);
      next.focus();
    });
  }
};
