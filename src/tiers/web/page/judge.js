// @ts-check
/** What a row means: whether it is there, whether it takes traffic, and whether it needs a look. Pure. */
import { briefly, place, secondTime, topOf } from "../../../http/page/format.js";
import { adviceFor } from "./advice.js";

/** @import { PageState, WireRow, WireSpan } from "../wire.ts" */
/** @typedef {(name: string) => PageState | undefined} StateOf */
/** `isPast`: the rows are out of date. @typedef {{ now: number, stateOf: StateOf, isPast: boolean }} Moment */
/**
 * @typedef {object} Need something that needs a look
 * @property {"bad" | "warn" | "odd"} kind
 * @property {string} key equal for equal causes
 * @property {string} [name] what it is about, where that is not the instances that have it
 * @property {string} title what is wrong, after the name
 * @property {string} plural the same of several
 * @property {string} why
 * @property {string} [cause] what led to it, in words that fit into a sentence
 * @property {string} [short] what is wrong, after the name, without that a service is down
 * @property {number} [deaths] how often it died, where that is what is wrong
 * @property {string} todo
 * @property {number} weight the gravest first
 */

/** ms in which two ends make a crash loop, and for which an end is worth a look */
const loopMs = 600_000;
const lookMs = 3_600_000;
/** ms after which a stop is slow */
const slowStopMs = 10_000;
/** ms after which a try that has not come is not expected any more */
const lateMs = 30_000;
/** share of a deadline after which a wait is slow */
const slowShare = 0.8;

/** Whether a boot of it exists. @param {WireRow} row */
export const isAlive = ({ isOver }) => !isOver;

/** Whether it runs or is about to run again: its parent has written when it starts it. @type {(row: WireRow, now: number) => boolean} */
export const isExpected = ({ isOver, parent }, now) =>
  !isOver || (parent !== null && parent.nextTryAt !== null && now - parent.nextTryAt < lateMs);

/** Whether a boot died at the beginning of a span: with a failure, or without writing its end. @param {WireSpan} span */
export const isFall = ([, , , , , mark]) => mark === "failed" || mark === "died";

/** Whether a boot ended at the beginning of a span, in order or not. @param {WireSpan} span */
export const isEnd = (span) => span[5] === "ended" || isFall(span);

/** @type {(row: WireRow, stateOf: StateOf) => boolean} */
export const isReady = (row, stateOf) => isAlive(row) && row.ready === true && stateOf(row.state)?.takesWork === true;

/** Whether it could take traffic, and does not. @type {(row: WireRow, stateOf: StateOf) => boolean} */
export const isUnready = (row, stateOf) => isAlive(row) && row.ready === false && stateOf(row.state)?.takesWork === true;

/** How often it has fallen in the last ten minutes. @type {(row: WireRow, now: number) => number} */
export const fallsOf = (row, now) => row.falls.filter((at) => now - at < loopMs).length;

/** Since when it is in the state at the top of its path. @param {WireRow} row */
export const stateSince = ({ lane, state, since }) => {
  let from = since;
  for (let at = lane.length - 1; at >= 0 && lane[at]?.[0] === state; at -= 1) {
    from = Math.min(from, lane[at]?.[1] ?? from);
    if (lane[at]?.[5] === "boot") break;
  }
  return from;
};

/** Since when it is as it is: not ready, ended, or in its state. @type {(row: WireRow, stateOf: StateOf) => number} */
export const since = (row, stateOf) => {
  if (row.end !== null) return row.end.at;
  if (!isAlive(row)) return row.lane.at(-1)?.[1] ?? row.since;
  return isUnready(row, stateOf) ? (row.lane.at(-1)?.[1] ?? row.since) : stateSince(row);
};

/** Where it was when it last fell; empty where that is not known. @type {(row: WireRow, stateOf: StateOf) => string} */
export const fellIn = ({ lane }, stateOf) => {
  const fall = lane.findLastIndex(isFall);
  const before = lane.slice(0, fall === -1 ? 0 : fall).findLast(([state]) => stateOf(state)?.isEnding === false);
  return before?.[0] ?? "";
};

/** The first cause of its end, or of the last one. @param {WireRow} row */
export const causeOf = (row) => {
  const [failure] = row.failures;
  if (failure !== undefined) return `${place(failure.phase)}: ${failure.message}`;
  return row.cause || row.end?.reason || "";
};

/** Equal causes are one: numbers and times in them differ. @param {string} cause */
const alike = (cause) => cause.replaceAll(/\d+(?:\.\d+)?/g, "#");

/** @type {(row: WireRow, now: number) => string} */
const nextTry = ({ parent, isOver }, now) => {
  if (!isOver) return " The next boot is under way.";
  if (parent === null || parent.nextTryAt === null) return "";
  return parent.nextTryAt > now ? ` Next try in ${briefly(parent.nextTryAt - now)}.` : " Next try is under way.";
};

/** How the process ended, where its parent has written it. @param {WireRow} row */
export const exitWords = ({ parent }) => {
  if (parent === null) return "";
  if (parent.signal !== null) return `ended by ${parent.signal}`;
  return parent.exitCode === null ? "" : `exit code ${parent.exitCode}`;
};

/** @type {(row: WireRow, moment: Moment) => Need | undefined} */
const loop = (row, { now, stateOf, isPast }) => {
  const falls = fallsOf(row, now);
  if (falls < 2) return undefined;
  // ready for longer than a fifth of the loop's window: recovered
  if (isReady(row, stateOf) && now - stateSince(row) > loopMs / 5) return undefined;
  const first = Math.min(...row.falls.filter((at) => now - at < loopMs));
  const span = `${Math.max(1, Math.ceil((now - first) / 60_000))} min`;
  const cause = causeOf(row);
  const state = fellIn(row, stateOf);
  const where = state === "" ? "" : ` in ${state}`;
  return {
    kind: "bad",
    key: `loop ${row.service} ${alike(cause)}`,
    title: `${isPast ? "died" : "dies"}${where}, ${falls} times in ${span}`,
    plural: `${isPast ? "died" : "die"}${where}`,
    deaths: falls,
    cause,
    why: cause === "" ? "No cause was written." : cause,
    todo: `${adviceFor(cause, row)}${nextTry(row, now)}`,
    weight: 5,
  };
};

/** @type {(row: WireRow, moment: Moment) => Need | undefined} */
const fallen = (row, { now }) => {
  if (row.kind !== "failed" || now - (row.end?.at ?? row.since) > lookMs) return undefined;
  const cause = causeOf(row);
  return {
    kind: "bad",
    key: `failed ${row.service} ${alike(cause)}`,
    title: `failed in ${place(row.failures[0]?.phase ?? row.path)}`,
    plural: "failed",
    cause,
    why: cause === "" ? "No cause was written." : cause,
    todo: `${adviceFor(cause, row)}${nextTry(row, now)}`,
    weight: 4,
  };
};

/** @type {(row: WireRow, moment: Moment) => Need | undefined} */
const gone = (row, { now, isPast }) => {
  const at = row.end?.at ?? row.since;
  if (row.kind !== "expired" || now - at > lookMs) return undefined;
  const exit = exitWords(row);
  return {
    kind: "odd",
    key: `gone ${row.service}`,
    title: `${isPast ? "was" : "is"} gone since ${secondTime(at)}`,
    plural: isPast ? "were gone" : "are gone",
    why: `Last seen in ${place(row.path)}. It wrote no end: ${exit === "" ? "its lease ended without another beat" : exit}.`,
    todo: `${exit === "" ? "Killed, out of memory, or cut off from Redis." : ""}${nextTry(row, now)} See its last moments.`.trim(),
    weight: 3,
  };
};

/** @type {(row: WireRow, moment: Moment) => Need | undefined} */
const unready = (row, { now, stateOf, isPast }) => {
  if (!isUnready(row, stateOf)) return undefined;
  return {
    kind: "bad",
    key: `unready ${row.service} ${alike(row.reason)}`,
    title: `${isPast ? "had" : "has"} not been ready for ${briefly(now - since(row, stateOf))}`,
    plural: isPast ? "were not ready" : "are not ready",
    cause: row.reason,
    why: row.reason === "" ? "It gave no reason." : `${row.reason.charAt(0).toUpperCase()}${row.reason.slice(1)}.`,
    todo: adviceFor(row.reason, row),
    weight: 4,
  };
};

/** @type {(row: WireRow, moment: Moment) => Need | undefined} */
const slow = (row, { now, stateOf, isPast }) => {
  if (!isAlive(row) || stateOf(row.state)?.part === "run") return undefined;
  const { waits } = row;
  const since = stateSince(row);
  const isStopping = stateOf(row.state)?.isEnding === true;
  const isOver = isStopping && now - since > slowStopMs;
  const until = waits?.until ?? null;
  const total = waits?.totalMs ?? null;
  const isLate = until !== null && total !== null && total > 1000 && until - now < (1 - slowShare) * total;
  if (!isOver && !isLate) return undefined;
  const left =
    until === null ? "" : `; ${briefly(Math.max(0, until - now))} left${total === null ? "" : ` of ${briefly(total)}`}`;
  return {
    kind: "warn",
    key: `slow ${row.service} ${row.path}`,
    title: `${isPast ? "had" : "has"} been in ${topOf(row.path)} for ${briefly(now - since)}`,
    plural: `${isPast ? "were" : "are"} slow in ${place(row.path)}`,
    why: `${place(row.path)}${waits === null || waits.what === "" ? "" : ` ${isPast ? "waited" : "waits"} for ${waits.what}`}${left}.`,
    todo: isStopping ? "At the deadline the next step begins." : "At the deadline the boot fails.",
    weight: 2,
  };
};

/** @type {(row: WireRow, moment: Moment) => Need | undefined} */
const unseen = (row, { isPast }) =>
  isAlive(row) && (row.lease.state === "suspect" || row.lease.state === "lost")
    ? {
        kind: "warn",
        key: `lease ${row.service} ${row.lease.state}`,
        title: `${isPast ? "had a lease that was" : "has a lease that is"} ${row.lease.state}`,
        plural: `${isPast ? "had leases that were" : "have leases that are"} ${row.lease.state}`,
        why: "Its last beats did not come through. Others take it for gone once the lease ends.",
        todo: "Look at its connection to Redis.",
        weight: 1,
      }
    : undefined;

/** What needs a look; undefined where nothing does. @type {(row: WireRow, moment: Moment) => Need | undefined} */
export const needOf = (row, moment) =>
  loop(row, moment) ??
  fallen(row, moment) ??
  unready(row, moment) ??
  gone(row, moment) ??
  slow(row, moment) ??
  unseen(row, moment);
