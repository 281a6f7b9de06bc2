// @ts-check
/** The table of the fleet: what the stream last sent, and for a while the entries that are gone. */
import { byId, make } from "../../../http/page/dom.js";
import { age } from "../../../http/page/format.js";

/** @import { FeedEvent, FleetState } from "../fleet-feed.ts" */
/** @import { RegistryEntry } from "../../../registry/entry.ts" */
/** @typedef {RegistryEntry & { gone?: "deregistered" | "expired" }} Row */
/** @typedef {{ [Type in FeedEvent["type"]]: (event: Extract<FeedEvent, { type: Type }>) => void }} Handlers */

/** ms for which an entry that is gone stays in the table */
const goneMs = 10_000;

/** By service and instance. @type {Map<string, Row>} */
const rows = new Map();

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

/** @param {ReturnType<typeof statusOf>} status */
const statusCell = ({ name, description, tone }) => {
  const dot = make("span", "dot");
  dot.setAttribute("aria-hidden", "true");
  const cell = make("td", "", dot, name);
  cell.title = description;
  cell.dataset.tone = tone;
  return cell;
};

/** @param {Row} row */
const elementOf = (row) => {
  const { service, instance, gone, since, host, pid, health } = row;
  const status = statusOf(row);
  const element = make("tr", gone === undefined ? "" : "gone");
  element.dataset.service = service;
  element.dataset.status = status.name;
  const name = make("td", "instance", instance);
  name.title = instance;
  element.append(make("td", "", service), name, statusCell(status), make("td", "", age(Date.now() - since)));
  const address = health?.host.includes(":") ? `[${health.host}]` : health?.host;
  const port = health === null ? "none" : `${address}:${health.port}`;
  element.append(make("td", "", `${host} · ${pid}`), make("td", "", port));
  return element;
};

export const drawFleet = () => {
  const sorted = [...rows.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  byId("fleet").replaceChildren(...sorted.map(elementOf));
  byId("empty").hidden = sorted.length > 0;
  byId("count").textContent = `${liveRows().length} live`;
};

/** @type {(entry: RegistryEntry, gone: NonNullable<Row["gone"]>) => void} */
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
  reset: (event) => {
    states = event.states;
    rows.clear();
  },
  registered: ({ entry }) => void rows.set(nameOf(entry), entry),
  updated: ({ entry }) => void rows.set(nameOf(entry), entry),
  deregistered: ({ entry }) => showGone(entry, "deregistered"),
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
