/** Wires the page: the stream in, the charts, panels and buttons out. */

import { byId, showText } from "../../http/page/dom.js";
import { Chart } from "./chart.js";
import { addEvent, addGap, clearEvents } from "./events.js";
import { clockTime } from "./format.js";
import { connect } from "./live.js";
import { notice, showLease, showNow, showState, showSteps } from "./now.js";
import { isMoving, showPhases } from "./phases.js";

const tickMs = 200;
const token = location.hash.slice(1);
const follow = /** @type {HTMLInputElement} */ (byId("follow"));
const charts = new Map(
  ["lifecycle", "lease"].map((name) => [name, new Chart(name, byId(`chart-${name}`), () => follow.checked)]),
);
const buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-command]")]);

let picture;
/** the one that the panels show */
let drawn;
/** the service's clock less ours */
let ahead = 0;
let connection = "connecting";

const now = () => Date.now() + ahead;

/* ---- buttons: what the chart allows now, and only for who has the printed link ---- */
const showButtons = () => {
  for (const button of buttons) {
    const name = button.dataset.command;
    button.disabled = connection !== "live" || token === "" || !picture?.allowed.includes(name);
    button.title = token === "" ? "open the page by the link that was printed: it carries the right to command" : "";
  }
};

const command = async (name) => {
  try {
    const response = await fetch(`/command/${name}`, { method: "POST", headers: { "x-stargazer-token": token } });
    if (!response.ok) notice((await response.json()).error);
  } catch {
    notice(`'${name}' did not reach the service`);
  }
};

/* ---- the connection ---- */
const words = { connecting: "connecting", live: "live", lost: "disconnected", ended: "stopped" };

const bannerText = () => {
  if (connection === "lost" && picture === undefined) return "The service does not answer. Trying again.";
  if (connection === "lost")
    return `The service no longer answers. This is its last picture, from ${clockTime(picture.now)}. Trying again.`;
  if (connection === "ended")
    return `The service has stopped: ${picture.report?.reason ?? "no reason was given"}. This is its last picture.`;
  return "";
};

const onConnection = (next) => {
  if (next === connection) return;
  connection = next;
  document.body.dataset.connection = next;
  byId("live-text").textContent = words[next];
  byId("banner").className = `banner ${next === "lost" ? "bad" : ""}`;
  showText(byId("banner"), bannerText());
  followAll();
  showButtons();
};

/* ---- what comes in ---- */
const onRecord = (record, isReplayed) => {
  addEvent(record);
  if (record.kind === "fact") return;
  const chart = charts.get(record.machine);
  if (record.kind === "taken") {
    chart?.take(record.edges, isReplayed);
    if (!isReplayed) chart?.at(record.to);
  } else if (!isReplayed) {
    chart?.refuse(record.from);
    notice(`'${record.word}' was refused: it has no arrow in ${record.from}`);
  }
};

/**
 * Arrows and states are lit at once, in the order in which they come: by the time of the next frame a picture may be behind the last
 * record. The panels follow with that frame, however many pictures came before it.
 */
const onPicture = (next) => {
  const isDue = picture === undefined || picture === drawn;
  picture = next;
  ahead = next.now - Date.now();
  charts.get("lifecycle").at(next.path);
  charts.get("lease").at(next.lease?.state ?? "");
  if (isDue) requestAnimationFrame(draw);
};

const draw = () => {
  const next = picture;
  drawn = next;
  document.title = `${next.service} · ${next.state}`;
  byId("service").textContent = next.service;
  byId("instance").textContent = `${next.instance} · pid ${next.pid}`;
  showSteps(next.state);
  showState(next);
  showMoving();
  showButtons();
};

const showMoving = () => {
  showNow(picture, now());
  showLease(picture, now());
  showPhases(picture, now());
};

const onHello = ({ resumed, missed }) => {
  if (!resumed) clearEvents();
  if (missed > 0) addGap(missed);
};

/* ---- tabs, as the keyboard expects them ---- */
const tabs = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[role=tab]")]);
const followAll = () => {
  for (const chart of charts.values()) chart.follow();
};
const select = (tab) => {
  for (const other of tabs) {
    const isSelected = other === tab;
    other.setAttribute("aria-selected", String(isSelected));
    other.tabIndex = isSelected ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !isSelected;
  }
  followAll();
};
const step = { ArrowLeft: -1, ArrowRight: 1 };

for (const tab of tabs) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", ({ key }) => {
    if (step[key] === undefined) return;
    const next = tabs[(tabs.indexOf(tab) + step[key] + tabs.length) % tabs.length];
    select(next);
    next.focus();
  });
}
for (const button of buttons) button.addEventListener("click", () => command(button.dataset.command));
follow.addEventListener("change", followAll);
byId("beats").addEventListener("change", ({ target }) => byId("events").classList.toggle("hide-beats", !target.checked));

for (const chart of charts.values()) chart.load();
connect({ onHello, onRecord, onPicture, onConnection });
setInterval(() => {
  if (connection === "live" && picture !== undefined && isMoving(picture)) showMoving();
}, tickMs);
