// @ts-check
/** The table of the fleet: what the stream last sent, and for a while the entries that are gone. */
import { byId, make } from "../../../http/page/dom.js";
import { age } from "../../../http/page/format.js";

/** @import { FeedEvent } from "../fleet-feed.ts" */
/** @import { RegistryEntry } from "../../../registry/entry.ts" */
/** @typedef {RegistryEntry & { gone?: "stopped" | "expired" }} Row */
/** @typedef {{ [Type in FeedEvent["type"]]: (event: Extract<FeedEvent, { type: Type }>) => void }} Handlers */

/** ms for which an entry that is gone stays in the table */
const goneMs = 10_000;

/** By service and instance. @type {Map<string, Row>} */
const rows = new Map();

/** @param {Row} row */
const nameOf = ({ service, instance }) => `${service}:${instance}`;

/** The entries of the fleet as the stream last sent them, without those that are gone. @returns {RegistryEntry[]} */
export const liveEntries = () => [...rows.values()].filter(({ gone }) => gone === undefined);

/** @type {(state: "on" | "stale", text: string) => void} */
export const showConnection = (state, text) => {
  byId("live").className = `live ${state}`;
  byId("live-text").textContent = text;
};

/** The dot shows that data arrives; removing the class for a frame starts its animation again. */
const pulse = () => {
  byId("live").classList.remove("pulse");
  requestAnimationFrame(() => byId("live").classList.add("pulse"));
};

/** @param {string} status */
const statusCell = (status) => {
  const dot = make("span", "dot");
  dot.setAttribute("aria-hidden", "true");
  return make("td", status, dot, status);
};

/** @param {Row} row */
const elementOf = ({ service, instance, status, gone, since, host, pid, health }) => {
  const element = make("tr", gone === undefined ? "" : "gone");
  element.dataset.service = service;
  element.dataset.status = gone ?? status;
  const name = make("td", "instance", instance);
  name.title = instance;
  element.append(make("td", "", service), name, statusCell(gone ?? status), make("td", "", age(Date.now() - since)));
  const port = health === null ? "none" : `${health.host}:${health.port}`;
  element.append(make("td", "", `${host} · ${pid}`), make("td", "", port));
  return element;
};

export const drawFleet = () => {
  const sorted = [...rows.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  byId("fleet").replaceChildren(...sorted.map(elementOf));
  byId("empty").hidden = sorted.length > 0;
  byId("count").textContent = `${liveEntries().length} live`;
};

/** @type {(entry: RegistryEntry, gone: "stopped" | "expired") => void} */
const showGone = (entry, gone) => {
  const row = { ...entry, gone, since: Date.now() };
  rows.set(nameOf(entry), row);
  setTimeout(() => {
    if (rows.get(nameOf(entry)) !== row) return;
    rows.delete(nameOf(entry));
    drawFleet();
  }, goneMs);
};

/** @type {Handlers} */
const handlers = {
  reset: () => rows.clear(),
  registered: ({ entry }) => void rows.set(nameOf(entry), entry),
  updated: ({ entry }) => void rows.set(nameOf(entry), entry),
  deregistered: ({ entry }) => showGone(entry, "stopped"),
  expired: ({ entry }) => showGone(entry, "expired"),
  stale: ({ message }) => showConnection("stale", message),
  synced: () => showConnection("on", "live"),
};

/** Shows an event of the stream; one of a type that this page does not know changes nothing. @param {FeedEvent} event */
export const applyEvent = (event) => {
  const handle = Object.hasOwn(handlers, event.type) ? handlers[event.type] : undefined;
  /** @type {((event: FeedEvent) => void) | undefined} */ (handle)?.(event);
  pulse();
  drawFleet();
};
