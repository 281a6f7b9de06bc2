// @ts-check
/** The top of the page: whether it is live, the verdict, its facts and the census. */
import { byId, make, setAttribute, setText, showText } from "../../../http/page/dom.js";
import { briefly, secondTime } from "../../../http/page/format.js";
import * as fleet from "./fleet.js";
import { isAlive, isEnd } from "./judge.js";
import { verdictOf } from "./sentences.js";

/** @import { WireRow } from "../wire.ts" */
/** @import { Card, Rollout } from "./sentences.js" */

/** @type {Readonly<Record<fleet.Condition, string>>} */
const liveWords = { loading: "connecting", live: "live", redis: "old", server: "old", refused: "no token" };

/** @param {string} what */
const agoText = (what) => {
  const ms = fleet.staleFor();
  if (fleet.isUnknown()) return "not known";
  return ms === 0 ? what : `${briefly(ms)} old`;
};

const bannerTexts = () => {
  const from = fleet.isKnown() ? ` What is shown was so at ${secondTime(fleet.now())}.` : "";
  if (fleet.condition === "redis")
    return [
      "amber",
      `Redis could not be read since ${secondTime(fleet.redisAwaySince())}. ${fleet.message}`,
      ` Services go on without it.${from}`,
    ];
  if (fleet.condition === "server") return ["bad", "The server of this page does not answer. Trying again.", from];
  return ["", "", ""];
};

/** Shows whether the page is up to date, in words and colour. */
export const showCondition = () => {
  document.body.dataset.condition = fleet.condition;
  document.body.classList.toggle("old", fleet.condition === "redis" || fleet.condition === "server");
  setText(byId("live-text"), agoText(liveWords[fleet.condition]));
  const [look = "", what = "", more = ""] = bannerTexts();
  const banner = byId("banner");
  banner.className = `banner ${look}`;
  banner.hidden = what === "";
  if (banner.childElementCount === 0) banner.append(make("b", ""), make("span", ""));
  setText(/** @type {Element} */ (banner.firstElementChild), what);
  setText(/** @type {Element} */ (banner.lastElementChild), more);
};

/** Where nothing is known of the fleet, the cause. */
export const showUnknown = () => {
  byId("unknown").hidden = !fleet.isUnknown();
  const since = fleet.redisAwaySince();
  const cause =
    since === 0
      ? "The server of this page does not answer."
      : `Redis has not answered the server of this page since ${secondTime(since)}, and the server has not read it before.`;
  setText(byId("unknown-text"), `${cause} The services show up here as soon as it answers.`);
};

/** @type {(id: string, text: string, isBad?: boolean) => void} */
const showFact = (id, text, isBad = false) => {
  setText(byId(id), text);
  byId(id).className = isBad ? "bad" : "";
};

/** @param {readonly WireRow[]} rows */
const showFacts = (rows) => {
  const { overview } = fleet;
  const letters = overview?.deadLetters.count ?? 0;
  showFact(
    "fact-redis",
    fleet.condition === "redis" || overview?.redisMs === null
      ? "no answer"
      : overview === undefined
        ? "…"
        : `${overview.redisMs.toFixed(1)} ms`,
    fleet.condition === "redis" || overview?.redisMs === null,
  );
  showFact("fact-waiting", overview?.waiting === undefined || overview.waiting === null ? "…" : String(overview.waiting));
  showFact("fact-letters", overview === undefined ? "…" : String(letters), letters > 0);
  const releases = new Set(rows.filter(isAlive).map(({ version }) => version));
  showFact("fact-releases", String(releases.size));
};

/** @type {(rows: readonly WireRow[], cards: readonly Card[], rollouts: readonly Rollout[]) => void} */
export const showVerdict = (rows, cards, rollouts) => {
  const staleFor = fleet.staleFor();
  const moment = { now: fleet.now(), stateOf: fleet.stateOf, isPast: staleFor > 0 };
  const { mark, headline, gist } = verdictOf({ rows, cards, rollouts, moment, staleFor });
  setAttribute(byId("mark"), "class", `mark ${mark}`);
  setAttribute(/** @type {Element} */ (byId("mark").firstElementChild), "href", `#${mark}`);
  setText(byId("headline"), headline);
  setText(byId("gist"), gist);
  const title = `${headline} · Stargazer`;
  if (document.title !== title) document.title = title;
  showFacts(rows);
};

/* ---- the census ---- */
/** By the name of a state. @type {Map<string, HTMLButtonElement>} */
const buttons = new Map();
/** @type {(state: string) => void} */
let onFilter = () => {};

/** Calls `listener` with the state whose star is pressed. @param {(state: string) => void} listener */
export const onCensus = (listener) => {
  onFilter = listener;
};

/** @param {string} name @param {string} title */
const createStar = (name, title) => {
  const star = make("span", "star", make("i", ""));
  star.setAttribute("aria-hidden", "true");
  const button = /** @type {HTMLButtonElement} */ (
    make("button", `is-${name}`, make("span", "n", "0"), star, make("span", "w", name))
  );
  button.type = "button";
  button.title = title;
  button.addEventListener("click", () => onFilter(name));
  buttons.set(name, button);
  return make("li", "", button);
};

const createCensus = () => {
  buttons.clear();
  byId("census").replaceChildren(...fleet.states.map(({ name, description }) => createStar(name, description)));
  const end = fleet.states.find(({ isEnding }) => isEnding)?.name ?? "";
  byId("exits").replaceChildren(`a failure or a shutdown, from any of these, leads to ${end}`, make("i", ""));
};

/** px of a star: its area shows how many there are. @type {(count: number, most: number) => number} */
const sizeOf = (count, most) => (count === 0 ? 9 : 11 + 19 * Math.sqrt(count / most));

/** @type {(word: Element, text: string) => void} */
const showSpan = (word, text) => setText(word.querySelector("small") ?? word.appendChild(make("small", "")), text);

/** How many are in each state; of the last one, how many ended within so many ms. @type {(rows: readonly WireRow[], ms: number, filter: string) => void} */
export const showCensus = (rows, ms, filter) => {
  const from = fleet.now() - ms;
  if (buttons.size !== fleet.states.length || !buttons.has(fleet.states[0]?.name ?? "")) createCensus();
  /** @type {Map<string, number>} */
  const counts = new Map();
  let ends = 0;
  for (const row of rows) {
    if (isAlive(row)) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
    for (const span of row.lane) if (span[1] >= from && isEnd(span)) ends += 1;
  }
  const most = Math.max(1, ...counts.values());
  for (const { name, isFinal } of fleet.states) {
    const button = /** @type {HTMLButtonElement} */ (buttons.get(name));
    const count = isFinal ? ends : (counts.get(name) ?? 0);
    setText(/** @type {Element} */ (button.firstElementChild), String(count));
    button.className = `is-${name}${count === 0 ? " zero" : isFinal ? " ended" : ""}`;
    button.style.setProperty("--d", `${isFinal && count > 0 ? 13 : sizeOf(count, most).toFixed(1)}px`);
    setAttribute(button, "aria-pressed", String(filter === name));
    if (isFinal) showSpan(/** @type {Element} */ (button.lastElementChild), ` in ${briefly(ms)}`);
  }
};

/** In place of the fleet, where the server does not send it. @param {boolean} isChatPublic */
export const showWithheld = (isChatPublic) => {
  const open = "Open it by the link that was printed when the fleet started";
  byId("loading").hidden = true;
  byId("empty").hidden = false;
  setText(byId("empty-title"), "This page needs its link");
  setText(byId("empty-text"), `${open}: ${isChatPublic ? "the list of services needs" : "services and chat need"} its token.`);
  showText(byId("empty-how"), "");
  fleet.setCondition("refused");
  showCondition();
};
