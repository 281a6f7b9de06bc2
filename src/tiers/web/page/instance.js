// @ts-check
/** One instance in the rail: where it stands, whether it takes traffic, its chart, its last moments and its boots. */
import { byId, make, setChildren } from "../../../http/page/dom.js";
import { briefly, place, secondTime } from "../../../http/page/format.js";
import { readObject } from "../../../http/page/json.js";
import { authorization } from "../../../http/page/token.js";
import { bootOf } from "./boot.js";
import { checksOf, verdictOf } from "./checks.js";
import * as fleet from "./fleet.js";
import { causeOf, isAlive, since } from "./judge.js";
import { lifeOf } from "./life.js";
import { linkTo, stateWord, toneOf } from "./row.js";
import { lightWhole, showWhole } from "./whole-chart.js";

/** @import { WireInstance, WireRow } from "../wire.ts" */
/** @import { Check } from "./checks.js" */

/** moments that are shown */
const maxMoments = 24;

let name = "";
/** @type {WireInstance | undefined} */
let instance;
/** ms after which a sentence is asked for again */
const staleMs = 3000;
let loadedAt = 0;
let isLoading = false;
let isDue = false;

/** @type {(now: string, then: string) => string} */
const tense = (now, then) => (fleet.staleFor() > 0 ? then : now);

/** The row as the stream last sent it, else as it came with the instance. */
const currentRow = () => fleet.rows.get(name) ?? instance?.row;

/* ---- the parts ---- */
/** @param {WireRow} row */
const headOf = (row) => {
  const leads = row.leads.length > 0 ? [make("span", "", `★ ${tense("leads", "led")} ${row.leads.join(", ")}`)] : [];
  const where = row.host === "" ? "not registered yet" : `${row.host} · pid ${row.pid}`;
  const boot = `boot ${isAlive(row) ? tense("since", "began") : "began"} ${secondTime(row.startedAt)}`;
  return [make("h2", "", row.instance, ...leads), make("p", "id", `${row.service} ${row.version} · ${where} · ${boot}`)];
};

/** @param {WireRow} row */
const nowOf = (row) => {
  const dot = make("i", `dot ${toneOf(row)}${isAlive(row) ? "" : " hollow"}`);
  dot.setAttribute("aria-hidden", "true");
  const below = row.kind === "expired" ? "" : row.path.slice(row.state.length + 1);
  const word = `${stateWord(row)}${below === "" ? "" : ` › ${place(below)}`}`;
  const age = make("time", "", briefly(Math.max(0, fleet.now() - since(row, fleet.stateOf))));
  const parts = [make("p", "at", dot, make("b", "", word), age)];
  if (instance !== undefined && instance.sentence !== "" && fleet.staleFor() === 0)
    parts.push(make("p", "sentence", instance.sentence));
  const until = isAlive(row) ? (row.waits?.until ?? null) : null;
  const total = row.waits?.totalMs ?? null;
  if (until !== null && total !== null && total > 0) {
    const left = Math.max(0, until - fleet.now());
    const fill = make("i", "");
    fill.style.setProperty("--left", String(Math.min(1, left / total)));
    const bar = make("div", "bar", fill);
    bar.setAttribute("aria-hidden", "true");
    parts.push(bar, make("p", "", `${briefly(left)} ${tense("left", "were left")} of ${briefly(total)}`));
  }
  return [make("div", `now ${toneOf(row)}`, ...parts)];
};

/** @param {Check} check */
const checkOf = ({ what, answer, how }) => {
  const mark = make("span", "m", answer === "yes" ? "✓" : answer === "no" ? "✕" : "?");
  mark.setAttribute("aria-hidden", "true");
  return make(
    "li",
    answer === "yes" ? "" : answer,
    mark,
    make("b", "", what, make("span", "sr", `: ${answer === "unknown" ? "not known" : answer}`)),
    make("span", "", how),
  );
};

/** @param {WireRow} row */
const trafficOf = (row) => {
  const moment = { now: fleet.now(), stateOf: fleet.stateOf, isPast: fleet.staleFor() > 0 };
  const { look, text, more } = verdictOf(row, moment);
  const [lease, ...checks] = checksOf(row, moment);
  const why = make("div", `why ${look}`, make("p", "", text), ...(more === "" ? [] : [make("p", "", more)]));
  const list = make("ul", "checks", ...checks.map(checkOf));
  const title = isAlive(row) ? tense("Takes traffic?", "Took traffic?") : "How its end is known";
  return [
    make("h3", "", title),
    ...(checks.length > 0 ? [list] : []),
    why,
    ...(lease === undefined ? [] : [make("ul", "checks", checkOf(lease))]),
  ];
};

/** The title of the chart; the button stays as long as the title does, so that the focus comes back to it. @param {WireRow} row */
const chartHead = (row) => {
  const title = isAlive(row) ? tense("Where it is on the chart", "Where it was on the chart") : "Where it was last seen";
  const button = /** @type {HTMLButtonElement} */ (make("button", "link", "whole chart"));
  button.type = "button";
  button.id = "whole-open";
  button.addEventListener("click", () => {
    const current = currentRow();
    if (current !== undefined) showWhole(current);
  });
  return [make("h3", "", title, button)];
};

/** @param {WireRow} row */
const chartOf = (row) => {
  const mark = make("i", row.lease.state === "held" || row.lease.state === "suspect" ? `is-${row.lease.state}` : "");
  const legend = isAlive(row) ? "left: time spent · right: exits" : "left: time spent";
  return [
    lifeOf(row, { ...fleet, phases: instance?.phases ?? [] }),
    make(
      "p",
      "cap",
      mark,
      make("b", "", row.lease.state === "none" ? "lease not begun" : `lease ${row.lease.state}`),
      make("span", "", legend),
    ),
  ];
};

/** @param {WireInstance} from */
const momentsOf = ({ moments, row }) => {
  if (moments.length === 0) return [];
  const zero = isAlive(row) ? fleet.now() : (row.end?.at ?? moments.at(-1)?.at ?? 0);
  const items = moments.slice(-maxMoments).map(({ at, text, level }) => {
    const ago = zero - at;
    const time = isAlive(row) || Math.abs(ago) > 600_000 ? secondTime(at) : ago < 1 ? "0" : `−${briefly(ago)}`;
    return make("li", level === "info" ? "" : level, make("time", "", time), make("span", "", text));
  });
  const list = make("ol", "last", ...items);
  list.tabIndex = 0;
  list.setAttribute("aria-label", "Last moments, the last one below");
  // the last one is what the list is opened for
  requestAnimationFrame(() => list.scrollTo(0, list.scrollHeight));
  return [make("h3", "", "Last moments"), list];
};

/** @type {(boot: WireInstance["boots"][number], row: WireRow) => HTMLElement} */
const pastBoot = (boot, row) => {
  const end = boot.endedAt ?? fleet.now();
  const span = Math.max(1, end - boot.startedAt);
  const bits = row.lane
    .filter(([state, from, to]) => fleet.stateOf(state) !== undefined && from >= boot.startedAt - 1 && (to ?? end) <= end)
    .map(([state, from, to]) => {
      const bit = make("i", `is-${state}`);
      bit.style.setProperty("--from", String((from - boot.startedAt) / span));
      bit.style.setProperty("--share", String(((to ?? end) - from) / span));
      return bit;
    });
  const bar = make("div", "mini", ...bits);
  bar.setAttribute("aria-hidden", "true");
  const ready = boot.readyAt === null ? "" : `ready after ${briefly(boot.readyAt - boot.startedAt)}`;
  const how =
    boot.endedAt === null
      ? ready || "on its way"
      : [ready, `${boot.outcome} after ${briefly(span)}`, boot.cause].filter((part) => part !== "").join(" · ");
  const when = make("p", "", make("b", "", secondTime(boot.startedAt)), make("span", "", boot.version));
  return make("li", "", when, bar, make("p", boot.hasDied ? "how bad" : "how", how));
};

/** @param {WireInstance} from */
const bootsOf = ({ boots, row }) =>
  boots.length === 0 ? [] : [make("h3", "", "Boots"), make("ol", "boots", ...boots.map((boot) => pastBoot(boot, row)))];

/* ---- drawing ---- */
/** @type {Map<string, { text: string, element: HTMLElement }>} */
const parts = new Map();

/** Replaces a part where what it shows has changed: its scroll and the focus in it stay otherwise. @type {(key: string, fact: unknown, content: () => Node[]) => HTMLElement} */
const part = (key, fact, content) => {
  const text = JSON.stringify([name, fleet.condition, fact]);
  const known = parts.get(key);
  if (known !== undefined && known.text === text) return known.element;
  const element = known?.element ?? make("div", "");
  element.replaceChildren(...content());
  parts.set(key, { text, element });
  return element;
};

const draw = () => {
  const row = currentRow();
  if (name === "") return;
  if (row === undefined) {
    parts.clear();
    const why = isLoading ? "Loading." : `No instance of that name is known: ${name}.`;
    return byId("one").replaceChildren(make("p", "note", why));
  }
  lightWhole(row);
  setChildren(byId("one"), [
    part("head", [row.version, row.host, row.pid, row.startedAt, row.leads], () => headOf(row)),
    part("now", [row, Math.floor(fleet.now() / 1000), instance?.sentence], () => nowOf(row)),
    part("traffic", [row, causeOf(row)], () => trafficOf(row)),
    part("chart-head", [isAlive(row)], () => chartHead(row)),
    part("chart", [row, instance?.phases, Math.floor(fleet.now() / 5000)], () => chartOf(row)),
    part("boot", [row, instance?.phases, Math.floor(fleet.now() / 1000)], () =>
      instance === undefined ? [] : bootOf(instance, { now: fleet.now(), partOf: (state) => fleet.stateOf(state)?.part }),
    ),
    part("moments", instance?.moments, () => (instance === undefined ? [] : momentsOf(instance))),
    part("boots", [instance?.boots], () => (instance === undefined ? [] : bootsOf(instance))),
  ]);
};

const load = async () => {
  if (isLoading || name === "") return;
  isLoading = true;
  isDue = false;
  const asked = name;
  const [service = "", id = ""] = [name.slice(0, name.indexOf(":")), name.slice(name.indexOf(":") + 1)];
  try {
    const response = await fetch(`/api/instances${linkTo({ service, instance: id }).slice(1)}`, {
      headers: authorization,
      cache: "no-store",
    });
    const value = response.ok ? readObject(await response.text()) : undefined;
    if (asked === name) instance = /** @type {WireInstance | undefined} */ (value);
  } catch {
    // the row of the stream is shown; the next change asks again
  }
  isLoading = false;
  loadedAt = performance.now();
  draw();
  if (isDue || asked !== name) await load();
};

/** Shows the instance of that name; none where it is empty. @param {string} next */
export const showInstance = async (next) => {
  name = next;
  instance = undefined;
  parts.clear();
  if (next === "") return byId("one").replaceChildren();
  draw();
  await load();
};

/** For a change of its row, or of the condition of the page. */
export const refreshInstance = () => {
  if (name === "") return;
  isDue = true;
  draw();
  if (fleet.condition !== "server") void load();
};

/** What changes with time alone; the sentence, which has times in it, is asked for again. */
export const showTime = () => {
  if (name === "" || !fleet.isLive()) return;
  draw();
  if (performance.now() - loadedAt > staleMs) void load();
};

/** The name of the tab. */
export const shownName = () => name;
