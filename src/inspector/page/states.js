// @ts-check
/** The top-level states of the charts, as the server read them from the charts. */

import { topOf } from "../../http/page/format.js";

/** @import { StateWords } from "../../../machines/index.ts" */
/** @import { DrawnChart } from "../picture.ts" */
/** @import { Hello } from "../streams.ts" */

/** @type {Hello["states"]} */
let states = { lifecycle: [], lease: [], "health-port": [], check: [], leadership: [], consumer: [] };

/** @param {Hello["states"]} next */
export const setStates = (next) => {
  states = next;
};

/** In the order of the chart. @param {DrawnChart} chart */
export const statesOf = (chart) => states[chart];

/**
 * The top-level state of a path.
 *
 * @param {DrawnChart} chart
 * @param {string} path
 * @returns {StateWords | undefined}
 */
export const stateAt = (chart, path) => states[chart].find(({ name }) => name === topOf(path));
