// @ts-check
/** The parts of the page below the verdict that are lists: what needs a look, what happened, times by release, streams. */
import { byId, icon, make, setAttribute, setChildren, setText } from "../../../http/page/dom.js";
import { briefly, secondTime } from "../../../http/page/format.js";
import * as fleet from "./fleet.js";
import { happeningsOf } from "./happenings.js";
import { linkTo } from "./row.js";
import { listed, wrongOf } from "./sentences.js";

/** @import { WireOverview, WireRow, WireTimes } from "../wire.ts" */
/** @import { Happening } from "./happenings.js" */
/** @import { Card } from "./sentences.js" */

/** cards that are shown at first, and at most; names on one */
const maxCards = 8;
const maxAllCards = 200;
const maxNames = 6;
const maxHappenings = 14;

/** @type {(row: Pick<WireRow, "service" | "instance">) => HTMLElement} */
const linkOf = (row) => {
  const link = make("a", "", row.instance);
  link.setAttribute("href", linkTo(row));
  return link;
};

/** A row's link by its name, which is `service:instance`; only the name where the row is gone. @param {string} name */
const named = (name) => {
  const row = fleet.rows.get(name);
  return row === undefined ? make("b", "", name.slice(name.indexOf(":") + 1)) : linkOf(row);
};

/* ---- what needs a look ---- */
/** By key. @type {Map<string, HTMLElement>} */
const cards = new Map();

/** @param {Card} card */
const createCard = ({ need }) => {
  const title = make("h3", "", make("a", ""), " ", make("span", ""));
  return make("article", "", icon(need.kind, "mark"), title, make("p", ""), make("p", "todo"));
};

/** @type {(element: HTMLElement, card: Card) => void} */
const fillCard = (element, card) => {
  const { need, rows } = card;
  const [, title, why, todo] = /** @type {HTMLElement[]} */ ([...element.children]);
  const [first] = rows;
  if (first === undefined || title === undefined || why === undefined || todo === undefined) return;
  element.className = `need ${need.kind}`;
  const link = /** @type {HTMLElement} */ (title.firstElementChild);
  link.setAttribute("href", linkTo(first));
  setText(link, need.name ?? listed(rows.map(({ instance }) => instance)));
  setText(/** @type {Element} */ (title.lastElementChild), wrongOf(card));
  setText(why, need.why);
  setText(todo, fleet.staleFor() > 0 ? "" : need.todo);
};

let isEveryCard = false;
/** @type {readonly Card[]} */
let lastCards = [];

/** @param {readonly Card[]} all */
export const showCards = (all) => {
  lastCards = all;
  byId("needs").hidden = all.length === 0;
  const shown = all.slice(0, isEveryCard ? maxAllCards : maxCards);
  const more = /** @type {HTMLButtonElement} */ (byId("more-cards"));
  more.hidden = all.length <= maxCards;
  setAttribute(more, "aria-expanded", String(isEveryCard));
  setText(more, isEveryCard ? `Show the ${maxCards} gravest` : `Show ${all.length - maxCards} more`);
  const elements = shown.map((card) => {
    const element = cards.get(card.need.key) ?? createCard(card);
    fillCard(element, card);
    return element;
  });
  cards.clear();
  for (const [at, { need }] of shown.entries()) cards.set(need.key, /** @type {HTMLElement} */ (elements[at]));
  setChildren(byId("cards"), elements);
};

/** Once. */
export const wireCards = () =>
  byId("more-cards").addEventListener("click", () => {
    isEveryCard = !isEveryCard;
    showCards(lastCards);
  });

/* ---- what happened ---- */
/** @param {Happening} happening */
const itemOf = ({ at, tone, names, text, plural }) => {
  const dot = make("i", tone === "ended" ? "dot hollow" : `dot is-${tone}`);
  dot.setAttribute("aria-hidden", "true");
  const shown = names.slice(0, maxNames);
  const links = shown.flatMap((name, place) => [place === 0 ? "" : place === names.length - 1 ? " and " : ", ", named(name)]);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return make(
    "li",
    "",
    make("time", "", secondTime(at)),
    dot,
    make("p", "", ...links, more, " ", names.length === 1 ? text : plural),
  );
};

let lastHappenings = "";

/** @type {(rows: Iterable<WireRow>, since: number) => void} */
export const showHappenings = (rows, since) => {
  const happenings = happeningsOf(rows, { since, count: maxHappenings, stateOf: fleet.stateOf });
  byId("feed").hidden = happenings.length === 0;
  // a list that is the same stays: the focus may be on a link of it
  const text = JSON.stringify(happenings);
  if (text === lastHappenings) return;
  lastHappenings = text;
  byId("happenings").replaceChildren(...happenings.map(itemOf));
};

/* ---- times by release, streams ---- */
/** @type {(cells: readonly (string | readonly [text: string, className: string])[]) => HTMLElement} */
const tableRow = (cells) =>
  make("tr", "", ...cells.map((cell) => (typeof cell === "string" ? make("td", "", cell) : make("td", cell[1], cell[0]))));

/** @param {WireTimes} times */
const timesRow = ({ service, version, instances, boot, stop }) => {
  const of = (/** @type {WireTimes["boot"]} */ times) => (times === null ? ["–", "–"] : [briefly(times.p50), briefly(times.p95)]);
  return tableRow([`${service} ${version}`, String(instances), ...of(boot), ...of(stop)]);
};

/** @param {WireOverview["streams"][number]} stream */
const streamRow = ({ stream, length, groups }) => {
  const readers = groups.reduce((sum, group) => sum + group.readers, 0);
  const lag = groups.some((group) => group.lag === null) ? null : Math.max(0, ...groups.map((group) => group.lag ?? 0));
  const pending = groups.reduce((sum, group) => sum + group.pending, 0);
  const unread = groups.length === 0 ? "–" : lag === null ? "not known" : String(lag);
  return tableRow([
    stream,
    String(length),
    groups.length === 0 ? "–" : String(readers),
    unread,
    groups.length === 0 ? "–" : String(pending),
  ]);
};

let lastOverview = "";

/** Shows the tables, where what they show is known. */
export const showOverview = () => {
  const { overview } = fleet;
  const text = JSON.stringify([overview?.times, overview?.streams, overview?.deadLetters]);
  byId("more").hidden = overview === undefined;
  if (overview === undefined || text === lastOverview) return;
  lastOverview = text;
  byId("times").replaceChildren(...overview.times.map(timesRow));
  byId("streams").replaceChildren(...overview.streams.map(streamRow));
  const letters = overview.deadLetters.newest.map(({ id, reason, attempts, stream }) =>
    make(
      "li",
      "",
      make("b", "", secondTime(Number(id.split("-", 1)[0]))),
      reason,
      make("span", "", ` · ${stream}, attempt ${attempts}`),
    ),
  );
  byId("letters").replaceChildren(...letters);
};
