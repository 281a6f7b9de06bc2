// @ts-check
/** The card of a service that is down; which services are, the server sends. Pure. */
import { secondTime } from "../../../http/page/format.js";
import { adviceFor } from "./advice.js";
import { causeOf, needOf } from "./judge.js";

/** @import { WireRow } from "../wire.ts" */
/** @import { Moment, Need } from "./judge.js" */

/**
 * What is wrong with a service that is down.
 *
 * @type {(last: WireRow, count: number, moment: Moment) => Need} `last`: the instance whose end shows why; `count`: the instances of it
 */
export const downNeed = (last, count, moment) => {
  const own = needOf(last, moment);
  const cause = causeOf(last);
  const what = own?.title;
  const at = last.end?.at ?? last.falls[0] ?? last.since;
  const how = what === undefined ? ` since ${secondTime(at)}` : `: ${count === 1 ? "it" : last.instance} ${what}`;
  const title = `${moment.isPast ? "was" : "is"} down${how}`;
  return {
    kind: "bad",
    key: `down ${last.service}`,
    name: last.service,
    title,
    plural: title,
    ...(what === undefined ? {} : { short: what }),
    cause: own?.cause ?? cause,
    why: own?.why ?? (cause === "" ? "No cause was written." : cause),
    todo: own?.todo ?? adviceFor(cause, last),
    weight: 6,
  };
};
