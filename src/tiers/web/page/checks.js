// @ts-check
/** Whether an instance takes traffic, check by check, in the order of `/readyz`: the checks after the first that fails are not known. Pure. */
import { briefly, secondTime } from "../../../http/page/format.js";
import { adviceFor } from "./advice.js";
import { exitWords, isAlive, isReady } from "./judge.js";

/** @import { WireRow } from "../wire.ts" */
/** @import { Moment } from "./judge.js" */
/** @typedef {{ what: string, answer: "yes" | "no" | "unknown", how: string }} Check */

/** Each check with the reasons of `/readyz` that are its own. @type {readonly (readonly [now: string, then: string, reason: RegExp])[]} */
const behind = [
  ["Redis answers it", "Redis answered it", /redis/i],
  ["Its own checks pass", "Its own checks passed", /the check '/],
  ["Its event loop turns", "Its event loop turned", /event loop/],
];

/** @type {(row: WireRow, moment: Moment) => Check} */
const leaseCheck = ({ lease }, { now, isPast }) => {
  const left = lease.until === null ? "" : lease.until > now ? `, ends in ${briefly(lease.until - now)}` : ", over";
  const isHeld = lease.state === "held";
  const how = lease.state === "none" ? "not begun" : `${lease.state}${lease.state === "suspect" ? left : ""}`;
  return {
    what: isPast ? "Its lease was held, so others saw it" : "Its lease is held, so others see it",
    answer: isHeld ? "yes" : "no",
    how,
  };
};

/** @type {(row: WireRow, moment: Moment) => Check[]} */
const endChecks = (row, { now }) => {
  const at = row.end?.at ?? row.since;
  if (row.kind !== "expired") return [];
  const unknown = row.lane.findLast(([state]) => state === "unknown");
  const exit = exitWords(row);
  /** @type {Check[]} */
  const checks =
    unknown === undefined
      ? []
      : [
          { what: "Its last sign of life", answer: "yes", how: secondTime(unknown[1]) },
          { what: "Ended somewhere in between", answer: "unknown", how: briefly((unknown[2] ?? now) - unknown[1]) },
        ];
  if (exit !== "") checks.push({ what: "Its parent saw the end", answer: "no", how: exit });
  return [...checks, { what: "Its lease ended, and it wrote no end", answer: "no", how: secondTime(at) }];
};

/** First the lease, which is another question, then the checks; without a lease where the instance has ended. @type {(row: WireRow, moment: Moment) => (Check | undefined)[]} */
const all = (row, moment) => {
  if (!isAlive(row)) return [undefined, ...endChecks(row, moment)];
  const { stateOf, isPast } = moment;
  const isPlaced = stateOf(row.state)?.takesWork === true;
  const failing = row.ready === false && isPlaced ? behind.findIndex(([, , words]) => words.test(row.reason)) : -1;
  /** @type {Check} */
  const placed = {
    what: isPast ? "It was in a state that takes work" : "It is in a state that takes work",
    answer: isPlaced ? "yes" : "no",
    how: row.state,
  };
  const checks = behind.map(([now, then], at) => {
    const isKnown = row.ready === true || (failing !== -1 && at <= failing);
    /** @type {Check} */
    const check = {
      what: isPast ? then : now,
      answer: !isKnown ? "unknown" : at === failing ? "no" : "yes",
      how: isKnown ? "" : "not known",
    };
    return check;
  });
  return [leaseCheck(row, moment), placed, ...checks];
};

/** @type {(row: WireRow, moment: Moment) => readonly Check[]} */
export const checksOf = (row, moment) => /** @type {Check[]} */ (all(row, moment));

/** @typedef {{ look: "good" | "warn" | "bad" | "odd", text: string, more: string }} Answer */

/** Yes or no, why, and what makes it yes again. @type {(row: WireRow, moment: Moment) => Answer} */
export const verdictOf = (row, { stateOf, isPast }) => {
  if (row.kind === "expired")
    return {
      look: "bad",
      text: "Killed, out of memory, or cut off from Redis.",
      more: exitWords(row) === "" ? "Only its parent process knows more." : "",
    };
  if (!isAlive(row)) {
    const [failure] = row.failures;
    const words = failure === undefined ? (row.end?.reason ?? "") : `${failure.code}: ${failure.message}`;
    const outcome = row.end?.outcome ?? row.kind;
    return {
      look: row.hasDied ? "bad" : "odd",
      text: words === "" ? `It ended: ${outcome}.` : `It ended, ${outcome}: ${words}`,
      more: "",
    };
  }
  if (isReady(row, stateOf))
    return { look: "good", text: isPast ? "Yes: /readyz answered 200." : "Yes: /readyz answers 200.", more: "" };
  if (stateOf(row.state)?.isEnding === true)
    return { look: "warn", text: `No: readiness ${isPast ? "fell" : "falls"} first, so that nothing new arrives.`, more: "" };
  if (stateOf(row.state)?.takesWork !== true)
    return {
      look: "warn",
      text: isPast ? "No: its boot was not that far." : "No: /readyz opens once its boot is done.",
      more: "",
    };
  if (row.ready === null) return { look: "odd", text: "Not known: it has written nothing about its readiness.", more: "" };
  const reason = row.reason === "" ? "it gave no reason" : row.reason;
  return { look: "bad", text: `No: ${reason}.`, more: isPast ? "" : adviceFor(row.reason, row) };
};
