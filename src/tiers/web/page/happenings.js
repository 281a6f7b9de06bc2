// @ts-check
/** What happened in the fleet, as sentences in the past tense: made from the lanes, so that both agree. Pure. */
import { briefly } from "../../../http/page/format.js";
import { causeOf } from "./judge.js";

/** @import { PageState, WireRow, WireSpan } from "../wire.ts" */
/** @typedef {(name: string) => PageState | undefined} StateOf */
/** @typedef {{ tone: string, text: string, plural: string }} Words `plural`: after several names */
/**
 * @typedef {object} Happening
 * @property {number} at
 * @property {string} tone the class of its dot
 * @property {readonly string[]} names of the instances
 * @property {string} text after the names
 * @property {string} plural after several names
 */

/** ms within which the same of several instances is one sentence */
const togetherMs = 10_000;

/** The release before a span; empty where there is none. @type {(lane: WireRow["lane"], at: number) => string} */
const releaseBefore = (lane, at) => lane.slice(0, at).findLast(([, , , , version]) => version !== "")?.[4] ?? "";

/** The state that a boot was in before it stopped. @type {(lane: WireRow["lane"], at: number, stateOf: StateOf) => string} */
const stateBefore = (lane, at, stateOf) => lane.slice(0, at).findLast(([name]) => stateOf(name)?.isEnding === false)?.[0] ?? "";

/** @type {(row: WireRow, at: number, stateOf: StateOf) => Words} */
const failed = (row, at, stateOf) => {
  const falls = row.lane.slice(0, at + 1).filter(([, , , , , mark]) => mark === "failed").length;
  const isLast = row.lane.slice(at + 1).every(([, , , , , mark]) => mark !== "failed");
  const cause = isLast ? causeOf(row) : "";
  const where = stateBefore(row.lane, at, stateOf);
  const plural = `failed${where === "" ? "" : ` in ${where}`}`;
  const times = falls > 1 ? `, ${falls} times in a row` : "";
  return { tone: "bad", text: `${plural}${times}${cause === "" ? "" : `: ${cause}`}`, plural };
};

/** @type {(row: WireRow, at: number) => Words} */
const booted = ({ lane }, at) => {
  const [state, , , , version] = /** @type {WireSpan} */ (lane[at]);
  const old = releaseBefore(lane, at);
  const text = `began to boot${old === "" ? "" : " again"}${old === "" || old === version ? "" : `, now ${version}`}`;
  return { tone: state, text, plural: text };
};

/** The words for the mark at the beginning of a span. @type {(row: WireRow, at: number, stateOf: StateOf) => Words | undefined} */
const markWords = (row, at, stateOf) => {
  const { lane } = row;
  const [, , , , , mark] = /** @type {WireSpan} */ (lane[at]);
  if (mark === "failed") {
    // a crash loop is one sentence, of its last end
    const isRepeated = lane.slice(at + 1).some(([, , , , , other]) => other === "failed");
    return isRepeated ? undefined : failed(row, at, stateOf);
  }
  if (mark === "died") return { tone: "bad", text: "was lost: it wrote no end", plural: "were lost: they wrote no end" };
  if (mark === "ended") {
    const isLast = lane.slice(at + 1).every(([, , , , , other]) => other !== "boot");
    const reason = isLast && row.end !== null && row.end.reason !== "" ? `: ${row.end.reason}` : "";
    return { tone: "ended", text: `stopped in order${reason}`, plural: "stopped in order" };
  }
  const isRetry = lane.slice(0, at).findLast(([, , , , , other]) => other !== "none" && other !== "boot")?.[5] === "failed";
  return mark === "boot" && !isRetry ? booted(row, at) : undefined;
};

/** Whether the same boot took traffic before that span. @type {(lane: WireRow["lane"], at: number) => boolean} */
const hadTraffic = (lane, at) => {
  const boot = lane.findLastIndex(([, , , , , mark], place) => place <= at && mark === "boot");
  return lane.slice(Math.max(0, boot), at).some(([, , , ready]) => ready === true);
};

/** The words for a change of readiness or state. @type {(row: WireRow, at: number, stateOf: StateOf) => Words | undefined} */
const changeWords = (row, at, stateOf) => {
  const [state, from, to, ready] = /** @type {WireSpan} */ (row.lane[at]);
  const before = row.lane[at - 1];
  const known = stateOf(state);
  if (known === undefined || before === undefined) return undefined;
  if (known.takesWork && before[3] === true && ready === false) {
    const why = row.lane.length - 1 === at && row.reason !== "" ? `: ${row.reason}` : "";
    return { tone: "bad", text: `became unready${why}`, plural: "became unready" };
  }
  if (before[0] === state) {
    const wasReady = ready === true && before[3] === false && hadTraffic(row.lane, at);
    return wasReady ? { tone: state, text: "became ready again", plural: "became ready again" } : undefined;
  }
  const plural = `came to ${state}`;
  if (known.part === "run") {
    const boot = row.lane.slice(0, at).findLast(([, , , , , mark]) => mark === "boot")?.[1];
    return { tone: state, text: boot === undefined ? plural : `${plural}, ${briefly(from - boot)} after its boot began`, plural };
  }
  // a stop that is over has its sentence at its end
  return known.isEnding && !known.isFinal && to === null ? { tone: state, text: plural, plural } : undefined;
};

/** By row: of a large fleet few rows change at once. @type {WeakMap<WireRow, Happening[]>} */
const known = new WeakMap();

/** @type {(row: WireRow, stateOf: StateOf) => Happening[]} */
const ofRow = (row, stateOf) => {
  const happenings = known.get(row) ?? readRow(row, stateOf);
  known.set(row, happenings);
  return happenings;
};

/** @type {(row: WireRow, stateOf: StateOf) => Happening[]} */
const readRow = (row, stateOf) =>
  row.lane.flatMap(([, at, , , , mark], place) => {
    const words = (mark === "none" ? changeWords : markWords)(row, place, stateOf);
    return words === undefined ? [] : [{ at, names: [row.name], ...words }];
  });

/** The same of several within a short time is one. @param {readonly Happening[]} sorted newest first @returns {Happening[]} */
const together = (sorted) => {
  /** @type {Happening[]} */
  const merged = [];
  for (const next of sorted) {
    const [name = ""] = next.names;
    const same = merged.findLastIndex(
      ({ at, plural, names }) => at - next.at < togetherMs && plural === next.plural && !names.includes(name),
    );
    const found = merged[same];
    if (found === undefined) merged.push(next);
    else merged[same] = { ...found, names: [...found.names, ...next.names] };
  }
  return merged;
};

/** @type {(a: Happening, b: Happening) => number} */
const newestFirst = (a, b) => b.at - a.at;

/** The newest so many of each service, in order. @type {(rows: Iterable<WireRow>, most: number, options: { since: number, stateOf: StateOf }) => Happening[]} */
const newestOf = (rows, most, { since, stateOf }) => {
  /** By service. @type {Map<string, Happening[]>} */
  const groups = new Map();
  for (const row of rows) {
    const own = groups.get(row.service) ?? [];
    groups.set(row.service, own);
    for (const happening of ofRow(row, stateOf)) if (happening.at >= since) own.push(happening);
  }
  const newest = [...groups.values()].flatMap((own) => own.sort(newestFirst).slice(0, most));
  return newest.sort(newestFirst).slice(0, 5 * most);
};

/** The service of an instance's name. @param {Happening} happening */
const serviceOf = ({ names: [name = ""] }) => name.slice(0, name.indexOf(":"));

/**
 * The newest so many: of one service at most half, as long as others have some. What one service writes in a burst hides no other.
 *
 * @type {(sorted: readonly Happening[], count: number) => Happening[]}
 */
const shared = (sorted, count) => {
  /** @type {Map<string, number>} */
  const counts = new Map();
  const isWithin = sorted.map((one) => {
    const own = (counts.get(serviceOf(one)) ?? 0) + 1;
    counts.set(serviceOf(one), own);
    return own <= count / 2;
  });
  const first = sorted.filter((_, at) => isWithin[at] === true).slice(0, count);
  const rest = sorted.filter((_, at) => isWithin[at] === false).slice(0, count - first.length);
  return [...first, ...rest].sort(newestFirst);
};

/**
 * The last that happened, newest first.
 *
 * @type {(rows: Iterable<WireRow>, options: { since: number, count: number, stateOf: StateOf }) => Happening[]}
 */
export const happeningsOf = (rows, { since, count, stateOf }) =>
  shared(together(newestOf(rows, 20 * count, { since, stateOf })), count);
