// @ts-check
/** The state of the page: the rows as the stream last sent them, whether they are up to date, and the time by the clock of Redis. */

/** @import { DownService } from "../../../instances/down.ts" */
/** @import { PageState, WireEvent, WireGateway, WireOverview, WireRow } from "../wire.ts" */
/** `loading`: its server reads Redis for the first time. `redis`: its server cannot read Redis. `server`: the server does not answer. `refused`: there is no token. */
/** @typedef {"loading" | "live" | "redis" | "server" | "refused"} Condition */
/** @typedef {{ [Type in WireEvent["type"]]: (event: Extract<WireEvent, { type: Type }>) => void }} Handlers */

/** ms without an event after which the server counts as gone; it sends one every second */
const silenceMs = 3500;

/** By name. @type {Map<string, WireRow>} */
export const rows = new Map();

/** The nine, in order; empty before the stream has begun. @type {readonly PageState[]} */
export let states = [];
/** @type {Map<string, PageState>} */
let byName = new Map();

/** Those that are down, by their name. @type {ReadonlyMap<string, DownService>} */
export let downs = new Map();

/** @type {WireOverview | undefined} */
export let overview;
/** @type {readonly WireGateway[]} */
export let gateways = [];
/** @type {Condition} */
export let condition = "loading";
/** why the rows are out of date; empty where they are not */
export let message = "";

/** Names whose rows have changed since the last drawing. @type {Set<string>} */
const changed = new Set();

/** Redis' clock less the page's, in ms. */
let ahead = 0;
/** by Redis' clock, when the rows were last up to date; 0 before they were */
let heldAt = 0;
/** by Redis' clock, since when its server cannot read Redis; 0 while it can */
let awaySince = 0;
/** whether the rows that the server knew at the beginning are still arriving */
let isFilling = true;
/** the condition that the server sent last @type {Condition} */
let served = "loading";
/** by the page's clock, when the last event arrived */
let lastEventAt = 0;

/** Whether there is something to show: the rows were up to date once. */
export const isKnown = () => isLive() || heldAt > 0;

/** Whether there is nothing to show, for a cause that is known. */
export const isUnknown = () => !isKnown() && (condition === "redis" || condition === "server");

/** Whether what is shown is so now. */
export const isLive = () => condition === "live";

/** The time by the clock of Redis, in ms since the epoch. It stands still while the rows are out of date. */
export const now = () => (isLive() ? performance.now() + ahead : heldAt);

/** ms since the rows were last up to date; 0 while they are. */
export const staleFor = () => (isLive() || heldAt === 0 ? 0 : performance.now() + ahead - heldAt);

/** Since when the server cannot read Redis, by Redis' clock in ms since the epoch; 0 while it can. */
export const redisAwaySince = () => (condition === "redis" ? awaySince : 0);

/** The state of that name, from the chart. @param {string} name @returns {PageState | undefined} */
export const stateOf = (name) => byName.get(name);

/** By their service. @param {Iterable<WireRow>} some */
export const byService = (some) => {
  /** @type {Map<string, WireRow[]>} */
  const groups = new Map();
  for (const row of some) {
    const own = groups.get(row.service);
    if (own === undefined) groups.set(row.service, [row]);
    else own.push(row);
  }
  return groups;
};

/** The names of the rows that have changed since the last call. */
export const takeChanged = () => {
  const names = [...changed];
  changed.clear();
  return names;
};

let onChange = () => {};
/** Calls `listener` after each change. @param {() => void} listener */
export const afterChange = (listener) => {
  onChange = listener;
};

/** @type {(next: Condition, why?: string) => void} */
export const setCondition = (next, why = "") => {
  if (condition === "live" && next !== "live") heldAt = performance.now() + ahead;
  condition = next;
  message = why;
  onChange();
};

/** @param {number} time */
const setClock = (time) => {
  ahead = time - performance.now();
};

/** @type {Handlers} */
const handlers = {
  reset: (event) => {
    isFilling = true;
    states = event.states;
    byName = new Map(states.map((state) => [state.name, state]));
    for (const name of rows.keys()) changed.add(name);
    rows.clear();
    downs = new Map();
    overview = undefined;
  },
  row: ({ row }) => {
    rows.set(row.name, row);
    changed.add(row.name);
  },
  removed: ({ name }) => {
    rows.delete(name);
    changed.add(name);
  },
  down: ({ services }) => {
    downs = new Map(services.map((down) => [down.service, down]));
  },
  overview: (event) => {
    overview = event.overview;
  },
  gateways: (event) => {
    gateways = event.gateways;
  },
  condition: (event) => {
    isFilling = false;
    setClock(event.now);
    awaySince = event.awaySince;
    served = event.isCurrent ? "live" : event.awaySince > 0 ? "redis" : "loading";
    setCondition(served, event.message);
    heldAt = event.isKnown ? event.awaySince : 0;
  },
  clock: (event) => {
    if (isLive()) setClock(event.now);
    // events arrive again on a connection that was never closed
    else if (condition === "server" && !isFilling) setCondition(served, message);
  },
};

/** Takes an event of the stream; one of a type that this page does not know changes nothing. @param {WireEvent} event */
export const applyEvent = (event) => {
  lastEventAt = performance.now();
  const handle = Object.hasOwn(handlers, event.type) ? handlers[event.type] : undefined;
  /** @type {((event: WireEvent) => void) | undefined} */ (handle)?.(event);
  if (event.type !== "clock" && !isFilling) onChange();
};

/** Whether no event has arrived for longer than `silenceMs`. */
export const isSilent = () => (isLive() || condition === "redis") && performance.now() - lastEventAt > silenceMs;
