// @ts-check
/** Runs a chart from its table, one event after the other. `src/charts/table.ts` writes the table from the chart itself. */

/** @import { ChartTable, TableArrow } from "../../../charts/table.ts" */
/** @typedef {{ type: string }} ChartEvent */
/**
 * @typedef {object} Implementations each by its name in the chart
 * @property {Readonly<Record<string, (event: any) => void>>} actions
 * @property {Readonly<Record<string, (event: any) => boolean>>} guards
 * @property {Readonly<Record<string, () => number>>} delays in ms
 * @property {(state: string) => void} onState called with each state that is entered, after its entry actions
 */
/**
 * @typedef {object} Timers
 * @property {(call: () => void, ms: number) => unknown} set
 * @property {(timer: any) => void} clear
 */

/** @type {Timers} */
const realTimers = { set: (call, ms) => setTimeout(call, ms), clear: (timer) => clearTimeout(timer) };

export class RunningChart {
  #table;
  #does;
  #timers;
  /** @type {unknown[]} */
  #running = [];
  #isBusy = false;
  #hasEnded = false;
  /** The path of its state; empty before `start`. */
  state = "";
  /** @type {(() => void)[]} */
  #steps = [];

  /** @param {ChartTable} table @param {Implementations} implementations @param {Timers} [timers] */
  constructor(table, implementations, timers = realTimers) {
    this.#table = table;
    this.#does = implementations;
    this.#timers = timers;
  }

  /** Enters the first state. Once. */
  start() {
    this.#run(() => this.#enter(this.#table.initial, { type: "start" }));
  }

  /** An event sent during a transition is queued; one without an arrow is ignored. @param {ChartEvent} event */
  send(event) {
    this.#run(() => {
      if (!this.#hasEnded) this.#take(this.#here.on[event.type] ?? [], event);
    });
  }

  /** Stops its timers and takes no event any more. Legal any number of times. */
  stop() {
    this.#hasEnded = true;
    this.#clear();
  }

  get #here() {
    return /** @type {NonNullable<ChartTable["states"][string]>} */ (this.#table.states[this.state]);
  }

  /** @param {() => void} step */
  #run(step) {
    this.#steps.push(step);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#steps.shift(); next !== undefined; next = this.#steps.shift()) next();
    } finally {
      this.#isBusy = false;
    }
  }

  /** @type {(arrows: readonly TableArrow[], event: ChartEvent) => void} */
  #take(arrows, event) {
    const taken = arrows.find(({ guard }) => guard === undefined || this.#does.guards[guard]?.(event) === true);
    if (taken?.target !== undefined) this.#clear();
    for (const name of taken?.actions ?? []) this.#does.actions[name]?.(event);
    if (taken?.target !== undefined) this.#enter(taken.target, event);
  }

  /** @type {(state: string, event: ChartEvent) => void} */
  #enter(state, event) {
    this.state = state;
    const { entry, after, isFinal } = this.#here;
    for (const name of entry) this.#does.actions[name]?.(event);
    this.#hasEnded ||= isFinal;
    for (const [name, arrows] of Object.entries(after)) {
      const pass = () => this.#run(() => this.#take(arrows, { type: name }));
      this.#running.push(this.#timers.set(pass, this.#does.delays[name]?.() ?? 0));
    }
    this.#does.onState(state);
  }

  #clear() {
    for (const timer of this.#running.splice(0)) this.#timers.clear(timer);
  }
}
