// @ts-check
/** Services that are down: instances of them were there, none takes work, and the last one to end did not stop in order. Pure. */
import { secondTime } from "../../../http/page/format.js";
import { adviceFor } from "./advice.js";
import { causeOf, fallsOf, isAlive, needOf } from "./judge.js";

/** @import { WireRow } from "../wire.ts" */
/** @import { Moment, Need } from "./judge.js" */

/** @param {WireRow} row */
const endedAt = (row) => row.end?.at ?? row.falls[0] ?? row.since;

/** Whether it has fallen in its last boots and is booting again. @type {(row: WireRow, moment: Moment) => boolean} */
const isTrying = (row, { now, stateOf }) => stateOf(row.state)?.part === "boot" && fallsOf(row, now) > 0;

/** The instance whose end or last boot shows why the service is down; undefined where it is not. @type {(rows: readonly WireRow[], moment: Moment) => WireRow | undefined} */
const fallenOf = (rows, moment) => {
  if (!rows.every((row) => !isAlive(row) || isTrying(row, moment))) return undefined;
  const [last] = [...rows].sort((a, b) => endedAt(b) - endedAt(a));
  return last?.kind === "ended" ? undefined : last;
};

/**
 * What is wrong with a service that is down; undefined for one that is not, and for one whose instances have all been stopped.
 *
 * @type {(rows: readonly WireRow[], moment: Moment) => Need | undefined}
 */
export const downOf = (rows, moment) => {
  const last = fallenOf(rows, moment);
  if (last === undefined) return undefined;
  const own = needOf(last, moment);
  const cause = causeOf(last);
  const what = own?.title.replace(/^(?:is|was) /, "");
  const how =
    what === undefined ? ` since ${secondTime(endedAt(last))}` : `: ${rows.length === 1 ? "" : `${last.instance} `}${what}`;
  const title = `${moment.isPast ? "was" : "is"} down${how}`;
  return {
    kind: "bad",
    key: `down ${last.service}`,
    name: last.service,
    title,
    plural: title,
    why: own?.why ?? (cause === "" ? "No cause was written." : cause),
    todo: own?.todo ?? adviceFor(cause, last),
    weight: 6,
  };
};
