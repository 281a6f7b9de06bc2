// @ts-check
/** The table of the fleet: what the stream last sent, and for a while the entries that are gone. */
import { byId } from "../../../http/page/dom.js";
import { age } from "../../../http/page/format.js";
import { KeyedTable } from "./table.js";

/** @import { FeedEvent, FleetState } from "../fleet-feed.ts" */
/** @import { RegistryEntry } from "../../../registry/entry.ts" */
/** @typedef {RegistryEntry & { gone?: "deregistered" | "expired" }} Row */
/** @typedef {{ [Type in FeedEvent["type"]]: (event: Extract<FeedEvent, { type: Type }>) => void }} Handlers */

/** ms for which an entry that is gone stays in the table */
const goneMs = 10_000;

/** By service and instance. @type {Map<string, Row>} */
const rows = new Map();
/** Names whose rows are to be drawn. @type {Set<string>} */
const changed = new Set();
const table = new KeyedTable(byId("fleet"));

/** The states of a service, from the chart. @type {readonly FleetState[]} */
let states = [];

/** @param {Row} row */
const nameOf = ({ service, instance }) => `${service}:${instance}`;

const liveRows = () => [...rows.values()].filter(({ gone }) => gone === undefined);

/** The entries of services that take work. @returns {RegistryEntry[]} */
export const workingEntries = () => {
  const working = states.filter(({ takesWork }) => takesWork).map(({ name }) => name);
  return liveRows().filter(({ status }) => working.includes(status));
};

/** @type {(state: "on" | "stale", text: string) => void} */
export const showConnection = (state, text) => {
  byId("live").className = `live ${state}`;
  byId("live-text").textContent = text;
};

/** In place of the table, where the server does not send it. @param {boolean} isChatPublic */
export const showWithheld = (isChatPublic) => {
  const link = "those who open this page by the link that was printed when the fleet started";
  byId("empty").textContent = isChatPublic ? `The services are shown to ${link}.` : `Services and chat are for ${link}.`;
  showConnection("stale", "no token");
};

/** The dot shows that data arrives; removing the class for a frame starts its animation again. */
const pulse = () => {
  byId("live").classList.remove("pulse");
  requestAnimationFrame(() => byId("live").classList.add("pulse"));
};

/** What the table shows as an entry's status, and how. @type {(row: Row) => Pick<FleetState, "name" | "description"> & { tone: string }} */
const statusOf = ({ status, gone }) => {
  if (gone === "expired") return { name: gone, description: "The entry was not prolonged and expired.", tone: "bad" };
  const state = states.find(({ name, isEnding }) => (gone === undefined ? name === status : isEnding));
  return { name: state?.name ?? status, description: state?.description ?? "", tone: gone ?? state?.tone ?? "neutral" };
};

/** @type {(row: Row) => import("./table.js").RowContent} */
const contentOf = (row) => {
  const { service, instance, gone, since, host, pid, health } = row;
  const { name, description, tone } = statusOf(row);
  const address = health?.host.includes(":") ? `[${health.host}]` : health?.host;
  return {
    attributes: { class: gone === undefined ? "" : "gone", "data-service": service, "data-status": name },
    cells: [
      { text: service },
      { text: instance, title: instance, className: "instance" },
      { text: name, title: description, tone },
      { text: age(Date.now() - since) },
      { text: `${host} · ${pid}` },
      { text: health === null ? "none" : `${address}:${health.port}` },
    ],
  };
};

/** @param {string} name */
const drawRow = (name) => {
  const row = rows.get(name);
  if (row === undefined) table.remove(name);
  else table.put(name, contentOf(row));
};

const draw = () => {
  for (const name of changed) drawRow(name);
  changed.clear();
  byId("empty").hidden = rows.size > 0;
  byId("count").textContent = `${liveRows().length} live`;
  pulse();
  onDrawn();
};

let isDrawing = false;
let onDrawn = () => {};

/** Draws what has changed, with the next frame: a burst of events is one drawing. */
const drawSoon = () => {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    draw();
  });
};

/** Calls `listener` after each drawing. @param {() => void} listener */
export const afterDrawing = (listener) => {
  onDrawn = listener;
};

/** Draws every row again: ages grow. */
export const redrawFleet = () => {
  for (const name of rows.keys()) changed.add(name);
  drawSoon();
};

/** @type {(entry: RegistryEntry, row: Row | undefined) => void} */
const setRow = (entry, row) => {
  const name = nameOf(entry);
  if (row === undefined) rows.delete(name);
  else rows.set(name, row);
  changed.add(name);
  drawSoon();
};

/** @type {(entry: RegistryEntry, gone: NonNullable<Row["gone"]>) => void} */
const showGone = (entry, gone) => {
  const row = { ...entry, gone, since: Date.now() };
  setRow(entry, row);
  setTimeout(() => {
    if (rows.get(nameOf(entry)) === row) setRow(entry, undefined);
  }, goneMs);
};

/** @type {Handlers} */
const handlers = {
  reset: (event) => {
    states = event.states;
    rows.clear();
    changed.clear();
    table.clear();
  },
  registered: ({ entry }) => setRow(entry, entry),
  updated: ({ entry }) => setRow(entry, entry),
  deregistered: ({ entry }) => showGone(entry, "deregistered"),
  expired: ({ entry }) => showGone(entry, "expired"),
  stale: ({ message }) => showConnection("stale", message),
  synced: () => showConnection("on", "live"),
};

/** Takes an event of the stream; one of a type that this page does not know changes nothing. @param {FeedEvent} event */
export const applyEvent = (event) => {
  const handle = Object.hasOwn(handlers, event.type) ? handlers[event.type] : undefined;
  /** @type {((event: FeedEvent) => void) | undefined} */ (handle)?.(event);
  drawSoon();
};
