/** Where the service is, what it waits for, and how long that may take. */
import { byId, make, showText } from "../../http/page/dom.js";
import { duration, place } from "./format.js";

const stateNames = ["init", "jitter", "pinging", "starting", "registering", "healthy", "running", "stopping", "stopped"];
const leaseNames = ["registering", "held", "suspect", "lost", "regained", "superseded", "releasing", "released", "abandoned"];
/** shown when the lease is there: the ways it may end are shown once they are */
const leaseEnds = new Set(["superseded", "releasing", "released", "abandoned"]);

export const showSteps = (state) => {
  const now = stateNames.indexOf(state);
  const steps = stateNames.map((name, index) =>
    make("li", index < now ? "past" : index === now ? `current ${name}` : "", make("span", "", name)),
  );
  byId("steps").replaceChildren(...steps);
};

const waitsText = ({ waits, report }, elapsed) => {
  if (report !== null) return `${report.outcome}: ${report.reason} (exit code ${report.exitCode})`;
  return waits.what === "" ? `for ${elapsed}` : `for ${elapsed}, waiting for ${waits.what}`;
};

/** The bar empties while time runs; what has no deadline has no bar. */
const showDeadline = (deadline, now) => {
  byId("deadline").hidden = deadline === null;
  if (deadline === null) return;
  const { name, startedAt, delayMs } = deadline;
  const left = Math.max(0, startedAt + delayMs - now);
  byId("deadline").dataset.left = left < delayMs / 4 ? "little" : "enough";
  byId("deadline-fill").style.setProperty("--left", String(delayMs === 0 ? 0 : left / delayMs));
  byId("deadline-text").textContent = `${duration(left)} left of ${duration(delayMs)} · ${name}`;
};

/** @param {number} now by the clock of the service's machine */
export const showNow = (picture, now) => {
  byId("waits").textContent = waitsText(picture, duration(now - picture.since));
  showDeadline(picture.report === null ? picture.waits.deadline : null, now);
};

export const showState = ({ path, state, degraded, failures, report }) => {
  const element = byId("state");
  if (element.textContent !== place(path)) element.textContent = place(path);
  element.dataset.state = report?.outcome === "failed" ? "failed" : state;
  byId("degraded").hidden = !degraded;
  byId("failures").hidden = failures.length === 0;
  byId("failures").replaceChildren(
    ...failures.map(({ phase, code, message }) =>
      make("li", "", make("b", "", code), ` in ${place(phase)}`, make("p", "", message)),
    ),
  );
};

const leaseLine = ({ lease, leaseWaits }, now) => {
  const { what, deadline } = leaseWaits;
  const left = deadline === null ? "" : ` · ${duration(Math.max(0, deadline.startedAt + deadline.delayMs - now))}`;
  return [lease.trouble, what === "" ? "" : `waiting for ${what}${left}`].filter((part) => part !== "").join(" · ");
};

export const showLease = (picture, now) => {
  const { lease, state } = picture;
  const name = lease?.state.split(".")[0];
  const shown = leaseNames.filter((own) => !leaseEnds.has(own) || own === name);
  const items = shown.map((own) => {
    const item = make("li", own === name ? `on ${own}` : "", own);
    if (own === name) item.setAttribute("aria-current", "step");
    return item;
  });
  byId("lease-strip").replaceChildren(...items);
  byId("lease-aside").textContent =
    lease === null ? "" : `incarnation ${lease.incarnation ?? "not drawn"}${lease.missed > 0 ? ` · ${lease.missed} missed` : ""}`;
  const none = ["stopping", "stopped"].includes(state)
    ? "none any more"
    : ["healthy", "running"].includes(state)
      ? "none"
      : "not begun";
  byId("lease-waits").textContent = lease === null ? none : leaseLine(picture, now);
};

let noticeEnds;
/** Says what was refused or went wrong with a command, for a while. */
export const notice = (text) => {
  clearTimeout(noticeEnds);
  showText(byId("notice"), text);
  noticeEnds = setTimeout(() => showText(byId("notice"), ""), 6000);
};
