// @ts-check
/** The phases: boot and stop as bars, each on a scale of its own; the run, which may last, as lines of text. */
import { byId, make } from "../../http/page/dom.js";
import { duration } from "../../http/page/format.js";

/** @import { Picture, ShownPhase } from "../picture.ts" */
/** @typedef {{ from: number, span: number, uptime: number }} Scale */

/** an open-ended phase reaches this far past the others, so that they stay readable */
const openEndedShare = 1.12;

/** @type {(phase: ShownPhase, uptime: number) => number} */
const endOf = ({ offsetMs, durationMs }, uptime) => offsetMs + (durationMs ?? uptime - offsetMs);

/** @type {(kind: string, spent: string) => string} */
const noteOf = (kind, spent) => {
  if (kind === "done" || kind === "open") return spent;
  return kind === "skipped" ? kind : `${kind}, ${spent}`;
};

/** @type {(record: ShownPhase, scale: Scale) => HTMLElement} */
const barOf = ({ offsetMs, durationMs }, { from, span, uptime }) => {
  const start = Math.min(1, Math.max(0, (offsetMs - from) / span));
  const length = (durationMs ?? uptime - offsetMs) / span;
  const bar = make("span", "ink");
  bar.style.setProperty("--start", String(start));
  bar.style.setProperty("--length", String(Math.min(1 - start, Math.max(0, length))));
  return bar;
};

/** @type {(record: ShownPhase, scale: Scale) => HTMLElement} */
const rowOf = (record, scale) => {
  const { phase, offsetMs, durationMs, outcome, group } = record;
  const depth = group === "stop" ? 0 : phase.split(".").length - 1;
  const name = make("span", "name", phase.slice(phase.lastIndexOf(".") + 1));
  name.style.setProperty("--depth", String(depth));
  name.title = phase;
  const lane = make("span", "lane", barOf(record, scale));
  lane.setAttribute("aria-hidden", "true");
  const kind = durationMs === undefined ? "open" : (outcome ?? "done");
  const took = make("span", "took", noteOf(kind, duration(durationMs ?? scale.uptime - offsetMs)));
  return make("li", `${kind}${depth > 0 ? " nested" : ""}`, name, lane, took);
};

/** @type {(title: string, records: ShownPhase[], uptime: number) => HTMLElement[]} */
const groupOf = (title, records, uptime) => {
  if (records.length === 0) return [];
  const from = Math.min(...records.map(({ offsetMs }) => offsetMs));
  const bounded = records.filter(({ isOpenEnded }) => !isOpenEnded);
  const last = Math.max(...(bounded.length > 0 ? bounded : records).map((record) => endOf(record, uptime)));
  const span = Math.max(1, (last - from) * (bounded.length < records.length ? openEndedShare : 1));
  const rows = records.map((record) => rowOf(record, { from, span, uptime }));
  return [make("h3", "", title, make("span", "", duration(last - from))), make("ol", "bars", ...rows)];
};

/** @type {(record: ShownPhase, uptime: number) => HTMLElement} */
const lineOf = ({ phase, durationMs, offsetMs }, uptime) => {
  const took = make("span", "took", duration(durationMs ?? uptime - offsetMs));
  return make("p", `lasting ${durationMs === undefined ? "open" : ""}`, phase, took);
};

/** Whether what is shown changes with time alone. @param {Picture} picture */
export const isMoving = ({ phases }) => phases.some(({ durationMs }) => durationMs === undefined);

/** `uptime`: ms since the service was constructed. @type {(picture: Picture, uptime: number) => void} */
export const showPhases = ({ phases }, uptime) => {
  const within = (/** @type {ShownPhase["group"]} */ group) => phases.filter((record) => record.group === group);
  const [boot, run, stop] = [within("boot"), within("run"), within("stop")];
  const rows = [
    ...groupOf("boot", boot, uptime),
    ...run.map((record) => lineOf(record, uptime)),
    ...groupOf("stop", stop, uptime),
  ];
  if (boot.length === 0 && run.length === 0) rows.unshift(make("p", "ghost", "not booted yet"));
  byId("phases").replaceChildren(...rows);
};
