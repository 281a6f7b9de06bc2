// @ts-check
/** Wires the page: the stream of the fleet in, its parts and the chat out. What changes is drawn with the next frame, once. */
import { byId } from "../../../http/page/dom.js";
import { followEvents } from "../../../http/page/event-source.js";
import { readObject } from "../../../http/page/json.js";
import { connectChat, showState } from "./chat.js";
import * as deck from "./deck.js";
import * as fleet from "./fleet.js";
import { loadGateways } from "./gateways.js";
import { onCensus, showCensus, showCondition, showUnknown, showVerdict, showWithheld } from "./head.js";
import { refreshInstance, showTime } from "./instance.js";
import { wireKeys } from "./keys.js";
import { showCards, showHappenings, showOverview, wireCards } from "./lists.js";
import { onRail, openInstance, openName, wireRail } from "./rail.js";
import { cardsOf, rolloutOf } from "./sentences.js";

const tickMs = 1000;
const retryMs = 1000;
/** ms between two looks for gateways, where the fleet is not shown */
const lookMs = 5000;
/** with more rows than these, what depends on all of them is drawn at most once in so many ms */
const manyRows = 200;
const summaryMs = 500;

/** the condition that was drawn last */
let drawnCondition = "";
let arrangedAt = 0;
let summedAt = 0;
/** whether the deck has a place for each row */
let isArranged = false;
/** the drawing that is put off @type {ReturnType<typeof setTimeout> | undefined} */
let later;

/** Draws what depends on all rows. */
const summarize = () => {
  summedAt = performance.now();
  const rows = [...fleet.rows.values()];
  const moment = { now: fleet.now(), stateOf: fleet.stateOf, isPast: fleet.staleFor() > 0 };
  const groups = [...fleet.byService(rows).values()];
  const cards = cardsOf(groups, fleet.downs, moment);
  const from = moment.now - deck.windowMs();
  const rollouts = groups.flatMap((own) => rolloutOf(own, from, fleet.stateOf) ?? []);
  showVerdict(rows, cards, rollouts);
  showCensus(rows, deck.windowMs(), deck.stateFilter());
  showCards(cards);
  showHappenings(rows, moment.now - 3_600_000);
  showOverview();
};

const showParts = () => {
  const isEmpty = fleet.rows.size === 0;
  byId("loading").hidden = fleet.isKnown() || fleet.isUnknown() || drawnCondition === "refused";
  showUnknown();
  if (drawnCondition !== "refused") byId("empty").hidden = !fleet.isKnown() || !isEmpty;
  for (const id of ["verdict", "deck"]) byId(id).hidden = !fleet.isKnown() || isEmpty;
  if (isEmpty) for (const id of ["needs", "feed", "more"]) byId(id).hidden = true;
};

const draw = () => {
  const names = fleet.takeChanged();
  const isOther = drawnCondition !== fleet.condition;
  drawnCondition = fleet.condition;
  showCondition();
  showParts();
  connectChat();
  if (!fleet.isKnown()) return;
  if (isOther) deck.showLegend();
  isArranged = deck.showRows(names) && isArranged && !isOther;
  if (names.includes(openName()) || isOther) refreshInstance();
  const [mayArrange, maySum] = [isOther || isDue(arrangedAt), isOther || isDue(summedAt)];
  if (!isArranged && mayArrange) {
    arrange();
    // of many rows the summary follows with the next frame
    if (!isOther && fleet.rows.size > manyRows) return drawSoon();
  }
  if (maySum) summarize();
  if (!isArranged || !maySum) drawLater();
};

const arrange = () => {
  arrangedAt = performance.now();
  isArranged = true;
  deck.arrange();
};

/** Whether what was drawn then may be drawn again. @param {number} at */
const isDue = (at) => fleet.rows.size <= manyRows || performance.now() - at >= summaryMs;

const drawLater = () => {
  if (later !== undefined) return;
  later = setTimeout(() => {
    later = undefined;
    drawSoon();
  }, summaryMs);
};

let isDrawing = false;
/** A burst of events is one drawing. */
const drawSoon = () => {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    draw();
  });
};

/** Draws what changes with time alone; while the rows are out of date the clocks stand still. */
const tick = () => {
  if (fleet.isSilent()) fleet.setCondition("server");
  showCondition();
  if (document.hidden || !fleet.isKnown() || fleet.rows.size === 0) return;
  if (fleet.isLive()) deck.moveDeck();
  showTime();
  if (isDue(summedAt)) summarize();
};

/** Without the token there is no list of services; a chat that is public goes on without it. */
const chatAlone = async () => {
  const isPublic = await loadGateways();
  showWithheld(isPublic);
  if (!isPublic) return showState("open this page by its link", false);
  connectChat();
  setTimeout(chatAlone, lookMs);
};

/** of the last event that had an id: a new connection goes on behind it */
let lastEventId = "";
fleet.afterChange(drawSoon);
followEvents(
  () => `/api/fleet/events?after=${encodeURIComponent(lastEventId)}`,
  {
    onEvent: ({ id, data }) => {
      lastEventId = id ?? lastEventId;
      const event = readObject(data);
      if (event !== undefined) fleet.applyEvent(event);
    },
    onLost: () => fleet.setCondition("server"),
    onRefused: () => void chatAlone(),
  },
  retryMs,
);

onRail((name) => deck.choose({ open: name }));
deck.onDeckOpen(openInstance);
onCensus((state) => deck.choose({ state: deck.stateFilter() === state ? "" : state }));
for (const button of byId("windows").children)
  button.addEventListener("click", () => deck.choose({ ms: Number(/** @type {HTMLElement} */ (button).dataset.ms) }));
byId("find").addEventListener("input", () => deck.choose({ text: /** @type {HTMLInputElement} */ (byId("find")).value.trim() }));
byId("unfilter").addEventListener("click", () => {
  /** @type {HTMLInputElement} */ (byId("find")).value = "";
  deck.choose({ text: "", state: "" });
});
wireKeys();
wireRail();
wireCards();
setInterval(tick, tickMs);
