// @ts-check
/** The whole chart in a dialog, with the state of the open instance lit. The browser keeps the focus in it, and Escape closes it. */
import { byId, setText } from "../../../http/page/dom.js";
import { Chart } from "../../../http/page/drawn-chart.js";
import { isAlive } from "./judge.js";

/** @import { WireRow } from "../wire.ts" */

/** The id of the lifecycle's machine, whose drawing is shown. */
const machine = "lifecycle";

/** @type {Chart | undefined} */
let chart;

const dialog = () => /** @type {HTMLDialogElement} */ (byId("whole"));

/** Whether the dialog is open; the keys of the page do nothing then. */
export const isWholeOpen = () => dialog().open;

/** Lights where that row is or ended. @param {WireRow} row */
export const lightWhole = (row) => {
  if (chart === undefined || !isWholeOpen()) return;
  setText(byId("whole-title"), `${row.instance} on the whole chart`);
  chart.at(row.path);
  chart.mark([...new Set(row.lane.map(([state]) => state))], isAlive(row) || !row.hasDied ? [] : [row.state]);
};

/** @param {WireRow} row */
export const showWhole = (row) => {
  dialog().showModal();
  chart ??= new Chart(machine, byId("whole-chart"), () => true);
  lightWhole(row);
  chart.reveal();
};

/** Once. `opener`: gets the focus where the button that opened it is gone. @param {() => HTMLElement | null} opener */
export const wireWhole = (opener) => {
  byId("whole-close").addEventListener("click", () => dialog().close());
  dialog().addEventListener("close", () => {
    if (document.activeElement === document.body) opener()?.focus();
  });
  // the backdrop is a part of the dialog
  dialog().addEventListener("click", ({ target }) => {
    if (target === dialog()) dialog().close();
  });
};
