// @ts-check
/** The verdict on the fleet: one headline, one sentence with its cause, and the rollouts under way. Pure. */
import { briefly, counted, place } from "../../../http/page/format.js";
import { downNeed } from "./down.js";
import { isAlive, isExpected, isReady, needOf } from "./judge.js";

/** @import { DownService } from "../../../instances/down.ts" */
/** @import { WireRow } from "../wire.ts" */
/** @import { Moment, Need, StateOf } from "./judge.js" */
/** @typedef {{ need: Need, rows: WireRow[], deaths: number }} Card one need, and the rows that have it */
/** @typedef {{ version: string, done: number, of: number, from: number, to: number }} Rollout */

/**
 * The needs of the fleet, equal ones together, the gravest first; of a service that is down, that one alone. `downs`: by service.
 *
 * @type {(groups: Iterable<readonly WireRow[]>, downs: ReadonlyMap<string, DownService>, moment: Moment) => Card[]}
 */
export const cardsOf = (groups, downs, moment) => {
  /** @type {Map<string, Card>} */
  const cards = new Map();
  for (const own of groups) {
    const lastName = downs.get(own[0]?.service ?? "")?.last;
    const last = own.find(({ name }) => name === lastName);
    const down = last && downNeed(last, own.length, moment);
    for (const row of own) {
      const need = down ?? needOf(row, moment);
      if (need === undefined) continue;
      const card = cards.get(need.key);
      if (card === undefined) cards.set(need.key, { need, rows: [row], deaths: need.deaths ?? 0 });
      else {
        card.rows.push(row);
        card.deaths += need.deaths ?? 0;
      }
    }
  }
  return [...cards.values()].sort((a, b) => b.need.weight - a.need.weight || b.rows.length - a.rows.length);
};

/** @type {(row: WireRow, from: number) => { at: number, version: string } | undefined} */
const newRelease = ({ lane }, from) => {
  for (let at = lane.length - 1; at > 0; at -= 1) {
    const [, begin, , , version, mark] = /** @type {import("../wire.ts").WireSpan} */ (lane[at]);
    if (begin < from) return undefined;
    if (mark !== "boot") continue;
    const before = lane.slice(0, at).findLast(([, , , , other]) => other !== "");
    if (before !== undefined && before[4] !== version) return { at: begin, version };
  }
  return undefined;
};

/**
 * The rollout of one service's rows since `from`; undefined where fewer than three have a new release.
 *
 * @type {(rows: readonly WireRow[], from: number, stateOf: StateOf) => Rollout | undefined}
 */
export const rolloutOf = (rows, from, stateOf) => {
  const changes = rows.flatMap((row) => newRelease(row, from) ?? []).sort((a, b) => a.at - b.at);
  const version = changes.at(-1)?.version;
  const own = changes.filter((change) => change.version === version);
  const [first] = own;
  if (version === undefined || first === undefined || own.length < 3) return undefined;
  const living = rows.filter(isAlive);
  const done = living.filter((row) => row.version === version && isReady(row, stateOf)).length;
  return { version, done, of: living.length, from: first.at, to: own.at(-1)?.at ?? first.at };
};

/** `a`, `a and b`, `a, b and 3 more`. @param {readonly string[]} names */
export const listed = (names) => {
  if (names.length <= 2) return names.join(" and ");
  return `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
};

/** What is wrong with what a card names. @param {Card} card */
export const wrongOf = ({ need, rows, deaths }) => {
  if (rows.length === 1 || need.name !== undefined) return need.title;
  return deaths === 0 ? need.plural : `${need.plural}, ${deaths} times in all`;
};

/** characters of a cause within a sentence */
const causeLength = 140;

/** A card as a sentence, with the cause. @param {Card} card */
const sentenceOf = (card) => {
  const { need, rows } = card;
  const names = rows.length === 1 ? rows[0]?.instance : `${counted(rows.length, "instance")} of ${rows[0]?.service}`;
  const cause = (need.cause ?? "").slice(0, causeLength).replace(/[.\s]+$/, "");
  return `${need.name ?? names} ${need.short ?? wrongOf(card)}${cause === "" ? "" : `: ${cause}`}`;
};

/** @typedef {{ mark: "good" | "warn" | "bad" | "odd", headline: string, gist: string }} Verdict */
/**
 * @typedef {object} Whole
 * @property {readonly WireRow[]} rows
 * @property {readonly Card[]} cards
 * @property {readonly Rollout[]} rollouts
 * @property {Moment} moment
 * @property {number} staleFor ms since the rows were last up to date
 */

/** Where nothing lives, and every service has been stopped. @type {(rows: readonly WireRow[], moment: Moment) => string} */
const stoppedGist = (rows, { now, isPast }) => {
  const last = Math.max(...rows.map((row) => row.end?.at ?? row.since));
  return `The last instance stopped in order ${briefly(now - last)} ${isPast ? "before" : "ago"}.`;
};

/** Where nothing needs a look. @type {(rows: readonly WireRow[], moment: Moment) => string} */
const calmGist = (rows, moment) => {
  const { now, isPast, stateOf } = moment;
  const living = rows.filter(isAlive);
  if (living.length === 0) return stoppedGist(rows, moment);
  const way = living.find(({ state }) => stateOf(state)?.takesWork === false);
  if (way !== undefined) return `${way.instance} ${isPast ? "was" : "is"} in ${place(way.path)}.`;
  const boots = living.flatMap(({ lane }) => lane.findLast(([, , , , , mark]) => mark === "boot")?.[1] ?? []);
  const last = Math.max(0, ...boots);
  if (last === 0) return "No boot and no end in the hour before.";
  return `The last boot began ${briefly(now - last)} ${isPast ? "before" : "ago"}; nothing ${isPast ? "needed" : "needs"} a look.`;
};

/** @type {(rollouts: readonly Rollout[], moment: Moment, isHeld: boolean) => string} */
const rolloutGist = (rollouts, { isPast }, isHeld) => {
  const under = rollouts.find(({ done, of }) => done < of);
  if (under === undefined) return "";
  const verb = isHeld ? (isPast ? "waited" : "waits") : isPast ? "stood" : "stands";
  return ` The rollout of ${under.version} ${verb} at ${under.done}\u00a0of\u00a0${under.of}.`;
};

/** `inference is down`, `2 services are down`; empty where none is. @type {(cards: readonly Card[], isPast: boolean) => string} */
const downWords = (cards, isPast) => {
  const names = cards.flatMap(({ need }) => need.name ?? []);
  if (names.length === 0) return "";
  return names.length === 1
    ? `${names[0]} ${isPast ? "was" : "is"} down`
    : `${names.length} services ${isPast ? "were" : "are"} down`;
};

/** @typedef {{ ready: number, asked: number, unknown: number, living: number, isPast: boolean }} Count */
/** How many of those that were asked are ready; empty where none lives. @type {(count: Count, isDown: boolean) => string} */
const readyWords = ({ ready, asked, unknown, living, isPast }, isDown) => {
  const were = isPast ? "were " : "";
  if (living === 0) return isDown ? "" : isPast ? "Nothing ran" : "Nothing runs";
  if (asked === 0) return `${counted(unknown, "instance")} ${were}there`;
  if (ready < asked || ready === 1) return `${ready} of ${asked} ${were}ready`;
  return `${isDown ? "" : "All "}${ready} ${were}ready`;
};

/** @param {Whole} whole @returns {Verdict} */
export const verdictOf = ({ rows, cards, rollouts, moment, staleFor }) => {
  const { now, stateOf, isPast } = moment;
  const downs = new Set(cards.flatMap(({ need }) => need.name ?? []));
  const living = rows.filter((row) => isExpected(row, now) && !downs.has(row.service));
  const ready = living.filter((row) => isReady(row, stateOf)).length;
  const unknown = living.filter((row) => isAlive(row) && row.ready === null && stateOf(row.state)?.takesWork === true).length;
  const isAll = ready === living.length && living.length > 0;
  const [first] = cards;
  const rollout = rolloutGist(rollouts, moment, first !== undefined);
  const more = cards.length > 1 ? ` ${counted(cards.length - 1, "more thing")} below.` : "";
  const trouble = first === undefined ? rollout.trim() : `${sentenceOf(first)}.${rollout}${more}`;
  const unclear =
    unknown === 0 ? "" : ` Of ${unknown} it ${isPast ? "was" : "is"} not known: no word of readiness in the journal.`;
  // what is not known to be ready does not count as unready
  const count = { ready, asked: living.length - unknown, unknown, living: living.length, isPast };
  const words = [readyWords(count, downs.size > 0), downWords(cards, isPast)].filter((part) => part !== "").join(", ");
  const calm = living.length === 0 ? "odd" : isAll ? "good" : "warn";
  return {
    mark: first?.need.kind === "bad" ? "bad" : first === undefined ? calm : "warn",
    headline: isPast ? `${words}, ${briefly(staleFor)} ago` : words,
    gist: `${trouble === "" ? calmGist(rows, moment) : trouble}${unclear}`,
  };
};
