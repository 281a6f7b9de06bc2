// @ts-check
/** Wires the page: the stream in, the charts, panels and buttons out. */
import { byId, setText, showText } from "../../http/page/dom.js";
import { Chart } from "../../http/page/drawn-chart.js";
import { clockTime } from "../../http/page/format.js";
import { authorization, token } from "../../http/page/token.js";
import { addEvent, addGap, clearEvents } from "./events.js";
import { connect } from "./live.js";
import { endText, notice, showLease, showNow, showState, showSteps } from "./now.js";
import { isMoving, showPhases } from "./phases.js";
import { setStates } from "./states.js";
import { wireTabs } from "./tabs.js";

/** @import { InspectorCommand, Picture } from "../picture.ts" */
/** @import { InspectionRecord } from "../records.ts" */
/** @import { Hello } from "../streams.ts" */
/** @import { Connection } from "./live.js" */

const tickMs = 200;
const follow = /** @type {HTMLInputElement} */ (byId("follow"));

/** @param {string} name */
const chartOf = (name) => new Chart(name, byId(`chart-${name}`), () => follow.checked);
/** By machine. */
const charts = new Map(
  ["lifecycle", "lease", "health-port", "check", "leadership", "consumer"].map((name) => [name, chartOf(name)]),
);
const revealAll = () => {
  for (const chart of charts.values()) chart.reveal();
};

/** The newest picture, and the one that the panels show. @type {Picture | undefined} */
let picture;
/** @type {Picture | undefined} */
let drawn;
/** when the newest picture came, by the clock of the page that measures */
let cameAt = 0;
/** @type {Connection} */
let connection = "connecting";

/** ms since the service was constructed. @param {Picture} from */
const uptimeOf = (from) => from.uptimeMs + performance.now() - cameAt;

/* ---- buttons: what the chart allows now, and only with the token of the printed link ---- */
const buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-command]")]);

/** @param {HTMLButtonElement} button */
const commandOf = (button) => /** @type {InspectorCommand} */ (button.dataset.command);

const showButtons = () => {
  for (const button of buttons) {
    button.disabled = connection !== "live" || token === "" || !picture?.allowed.includes(commandOf(button));
    button.title = token === "" ? "open the page by the printed link: its token allows commands" : "";
  }
};

/* a shutdown takes two steps: the first one arms the button, until the focus leaves it */
/** @type {(button: HTMLButtonElement, isArmed: boolean) => void} */
const arm = (button, isArmed) => {
  button.classList.toggle("armed", isArmed);
  setText(button, isArmed ? "Press again to shut down" : "Shut down…");
};

/** @param {HTMLButtonElement} button */
const press = (button) => {
  const isStop = button.classList.contains("stop");
  if (isStop && !button.classList.contains("armed")) return arm(button, true);
  if (isStop) arm(button, false);
  void command(commandOf(button));
};

/** @param {InspectorCommand} name */
const command = async (name) => {
  try {
    const response = await fetch(`/command/${name}`, { method: "POST", headers: authorization });
    if (!response.ok) notice((await response.json()).error);
  } catch {
    notice(`${name} did not reach the service`);
  }
};

/* ---- the connection ---- */
/** @type {Record<Connection, string>} */
const words = { connecting: "connecting", live: "live", lost: "disconnected", ended: "ended", refused: "refused" };

const bannerText = () => {
  if (connection === "lost" && picture === undefined) return "The service does not answer. Trying again.";
  if (connection === "lost")
    return `The service no longer answers. This is its last picture, from ${clockTime(picture?.now ?? 0)}. Trying again.`;
  if (connection === "refused")
    return "This page shows a service only by the link that its process printed: the link has the token.";
  if (connection === "ended" && picture !== undefined)
    return `${endText(picture)}. This is the last picture of that process; the next one shows up here.`;
  return "";
};

/** The colour of the banner: a stop has that of its outcome. */
const bannerLook = () => {
  if (connection !== "ended") return connection === "lost" || connection === "refused" ? "bad" : "";
  return picture?.report?.outcome === "failed" ? "bad" : "good";
};

/** In the past tense where the process is gone. */
const showTitle = () => {
  if (picture === undefined) return;
  const { service, state, report } = picture;
  const word = connection === "lost" ? `was ${state}` : report === null ? state : report.outcome;
  document.title = `${service} · ${word}`;
};

/** @param {Connection} next */
const onConnection = (next) => {
  if (next === connection) return;
  connection = next;
  document.body.dataset.connection = next;
  byId("live-text").textContent = words[next];
  byId("banner").className = `banner ${bannerLook()}`;
  showText(byId("banner"), bannerText());
  showTitle();
  revealAll();
  showButtons();
};

/* ---- what comes in ---- */
/** Another boot than the one that is shown, or the first. */
const begin = () => {
  clearEvents();
  for (const chart of charts.values()) chart.clear();
};

/** @param {Hello} hello */
const onHello = ({ resumed, missed, states }) => {
  setStates(states);
  if (!resumed) begin();
  if (missed > 0) addGap(missed);
};

/** @type {(record: InspectionRecord, isReplayed: boolean) => void} */
const onRecord = (record, isReplayed) => {
  addEvent(record);
  if (record.kind === "fact") return;
  const chart = charts.get(record.machine);
  if (record.kind === "taken") {
    chart?.take(record.edges, isReplayed);
    if (!isReplayed) chart?.at(record.to);
  } else if (!isReplayed) {
    chart?.refuse(record.from);
    const allowed = picture?.allowed ?? [];
    const way = allowed.length === 0 ? "" : `. Allowed here: ${allowed.join(", ")}`;
    notice(`'${record.word}' was refused: it has no arrow in ${record.from}${way}`);
  }
};

/**
 * Lights arrows and states at once, in the order in which they come: by the next frame a picture may be behind the last record. The
 * panels follow with that frame, however many pictures came before it.
 *
 * @param {Picture} next
 */
const onPicture = (next) => {
  const isDue = picture === undefined || picture === drawn;
  picture = next;
  cameAt = performance.now();
  for (const [name, chart] of charts) {
    const path = next.paths[name] ?? "";
    if (path !== "") byId(`tab-${name}`).hidden = false;
    chart.at(path);
  }
  if (isDue) requestAnimationFrame(draw);
};

const draw = () => {
  if (picture === undefined) return;
  drawn = picture;
  showTitle();
  byId("service").textContent = picture.service;
  byId("instance").textContent = `${picture.instance} · pid ${picture.pid}`;
  showSteps(picture);
  showBeen(picture);
  showState(picture);
  showMoving(picture);
  showButtons();
};

/** Once it is over: where it was, and where it failed, on the chart too. @param {Picture} picture */
const showBeen = ({ phases, report }) => {
  if (report === null) return charts.get("lifecycle")?.mark([], []);
  const been = phases.map(({ phase }) => phase);
  const broken = phases.filter(({ outcome }) => outcome === "failed" || outcome === "timeout").map(({ phase }) => phase);
  charts.get("lifecycle")?.mark(been, broken);
};

/** Shows what changes with time alone. @param {Picture} picture */
const showMoving = (picture) => {
  const uptime = uptimeOf(picture);
  showNow(picture, uptime);
  showLease(picture, uptime);
  showPhases(picture, uptime);
};

wireTabs(revealAll);
for (const button of buttons) {
  button.addEventListener("click", () => press(button));
  if (!button.classList.contains("stop")) continue;
  button.addEventListener("blur", () => arm(button, false));
  button.addEventListener("keydown", ({ key }) => key === "Escape" && arm(button, false));
}
follow.addEventListener("change", revealAll);
const beats = /** @type {HTMLInputElement} */ (byId("beats"));
beats.addEventListener("change", () => byId("events").classList.toggle("hide-beats", !beats.checked));

revealAll();
connect({ onHello, onRecord, onPicture, onConnection });
setInterval(() => {
  if (connection === "live" && picture !== undefined && isMoving(picture)) showMoving(picture);
}, tickMs);
