// @ts-check
/** Where the service is, what it waits for, and until when. */
import { byId, make, showText } from "../../http/page/dom.js";
import { duration, place, secondTime, topOf } from "../../http/page/format.js";
import { stateAt, statesOf } from "./states.js";

/** @import { Picture } from "../picture.ts" */
/** @import { Waiting } from "../waiting.ts" */

const noticeMs = 6000;

/** What is over counts as passed only where it was entered. @type {(name: string, current: string, picture: Picture) => string} */
const stepClass = (name, current, { phases, report }) => {
  const entered = phases.findLast(({ phase }) => phase === name);
  const within = phases.filter(({ phase }) => topOf(phase) === name);
  if (within.some(({ outcome }) => outcome === "failed" || outcome === "timeout")) return "failed";
  if (name === current) return "current";
  if (entered !== undefined) return "past";
  return report === null ? "" : "missed";
};

/** What a reader without colours has beside the name. @type {Readonly<Record<string, string>>} */
const stepMarks = { failed: "✕ ", past: "✓ " };

/** The nine states as a row: where it was, where it failed, where it is. @param {Picture} picture */
export const showSteps = (picture) => {
  const steps = statesOf("lifecycle").map(({ name, description }) => {
    const look = stepClass(name, picture.state, picture);
    const step = make("li", `is-${name} ${look}`, make("span", "", `${stepMarks[look] ?? ""}${name}`));
    step.title = look === "missed" ? `${description} It was not reached.` : description;
    return step;
  });
  byId("steps").replaceChildren(...steps);
};

/** How it ended: the outcome, its first cause, and what it was asked. @param {Picture} picture */
export const endText = ({ report, failures }) => {
  if (report === null) return "";
  const [first] = failures;
  if (report.outcome !== "failed" || first === undefined) return `${report.outcome}: ${report.reason}`;
  const asked = first.message.includes(report.reason) ? "" : ` (${report.reason})`;
  return `${report.outcome} in ${place(first.phase)}: ${first.message}${asked}`;
};

/** @type {(picture: Picture, elapsed: string) => string} */
const waitsText = (picture, elapsed) => {
  const { waits, report } = picture;
  if (report !== null) return `${endText(picture)} · exit code ${report.exitCode}`;
  return waits.what === "" ? `for ${elapsed}` : `for ${elapsed}, waiting for ${waits.what}`;
};

/** The bar empties while time passes; without a deadline there is no bar. @type {(deadline: Waiting["deadline"], uptime: number) => void} */
const showDeadline = (deadline, uptime) => {
  byId("deadline").hidden = deadline === null;
  if (deadline === null) return;
  const { name, endsMs, delayMs } = deadline;
  const left = Math.max(0, endsMs - uptime);
  byId("deadline").dataset.left = left < delayMs / 4 ? "little" : "enough";
  byId("deadline-fill").style.setProperty("--left", String(delayMs === 0 ? 0 : left / delayMs));
  byId("deadline-text").textContent = `${duration(left)} left of ${duration(delayMs)} · ${name}`;
};

/** `uptime`: ms since the service was constructed. @type {(picture: Picture, uptime: number) => void} */
export const showNow = (picture, uptime) => {
  byId("waits").textContent = waitsText(picture, duration(uptime - picture.enteredMs));
  showDeadline(picture.report === null ? picture.waits.deadline : null, uptime);
};

/** @param {Picture} picture */
export const showState = ({ path, degraded, failures, report }) => {
  const element = byId("state");
  const state = stateAt("lifecycle", path);
  // setting the same text again would have a screen reader announce it again
  if (element.textContent !== place(path)) element.textContent = place(path);
  element.title = state?.description ?? "";
  element.dataset.tone = report?.outcome === "failed" ? "bad" : (state?.tone ?? "neutral");
  byId("degraded").hidden = !degraded;
  byId("failures").hidden = failures.length === 0;
  byId("failures").replaceChildren(
    ...failures.map(({ phase, code, message }) =>
      make("li", "", make("b", "", code), ` in ${place(phase)}`, make("p", "", message)),
    ),
  );
};

/** @type {(lease: NonNullable<Picture["lease"]>, waits: Waiting | null, uptime: number) => string} */
const leaseLine = (lease, waits, uptime) => {
  const deadline = waits?.deadline ?? null;
  const left = deadline === null ? "" : ` · ${duration(Math.max(0, deadline.endsMs - uptime))}`;
  const waiting = waits === null || waits.what === "" ? "" : `waiting for ${waits.what}${left}`;
  return [lease.trouble, waiting].filter((part) => part !== "").join(" · ");
};

/** The states of the lease; those of its end are shown once it is there. @param {string | undefined} current */
const showStrip = (current) => {
  const shown = statesOf("lease").filter(({ name, isEnding }) => !isEnding || name === current);
  const items = shown.map(({ name, description, tone }) => {
    const item = make("li", name === current ? "on" : "", name);
    item.title = description;
    item.dataset.tone = tone;
    if (name === current) item.setAttribute("aria-current", "step");
    return item;
  });
  byId("lease-strip").replaceChildren(...items);
};

/** @type {(picture: Picture, uptime: number) => void} */
export const showLease = ({ lease, leaseWaits, leaseAbsence }, uptime) => {
  showStrip(lease === null ? undefined : topOf(lease.state));
  const missed = lease !== null && lease.missed > 0 ? ` · ${lease.missed} missed` : "";
  // an incarnation is the time of Redis in µs, when the boot drew it
  const since = typeof lease?.incarnation === "number" ? `since ${secondTime(lease.incarnation / 1000)}` : "not registered";
  byId("lease-aside").textContent = lease === null ? "" : `${since}${missed}`;
  byId("lease-waits").textContent = lease === null ? leaseAbsence : leaseLine(lease, leaseWaits, uptime);
};

/** @type {ReturnType<typeof setTimeout> | undefined} */
let noticeEnds;

/** Shows for a while what was refused or went wrong with a command. @param {string} text */
export const notice = (text) => {
  clearTimeout(noticeEnds);
  showText(byId("notice"), text);
  noticeEnds = setTimeout(() => showText(byId("notice"), ""), noticeMs);
};
