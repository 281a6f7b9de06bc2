/** Why an instance is not ready, or that it is: one sentence. */
import { effectPhases, isStopping, lifePartOf } from "../../machines/phases.ts";
import type { ErrorCode } from "../errors.ts";
import { briefly } from "../http/page/format.js";
import { isDeath } from "../journal/outcomes.ts";
import type { Row } from "./row.ts";

/** ms for which the end of an earlier boot is part of the sentence */
const recentMs = 300_000;

/** the code of a boot whose instance id a newer boot has registered */
const replacedCode: ErrorCode = "SG_ERR_SUPERSEDED";

const quoted = (text: string): string => `'${text}'`;

/** `for 48 s of 60 s`, or `for 3 min` where the wait has no end, or no length. */
const timeOf = ({ waits, since }: Row, now: number): string => {
  if (waits === null || waits.until === null || waits.totalMs === null || waits.totalMs === 0)
    return `for ${briefly(now - since)}`;
  const passed = waits.totalMs - (waits.until - now);
  return passed > waits.totalMs
    ? `past its ${briefly(waits.totalMs)}`
    : `for ${briefly(Math.max(0, passed))} of ${briefly(waits.totalMs)}`;
};

const hooks: ReadonlyMap<string, string> = new Map([
  [effectPhases.startTier, "onStart"],
  [effectPhases.stopTier, "onStop"],
  [effectPhases.releaseTier, "the release of what onStart opened"],
]);

/** What the instance is doing: `onStart is in 'model'`, `onStop runs`, `waits for its turn`. */
const doingOf = ({ path, waits }: Row): string => {
  const at = [...hooks.keys()].find((phase) => path === phase || path.startsWith(`${phase}.`));
  if (at !== undefined) {
    const phase = path.slice(at.length + 1);
    return phase === "" ? `${hooks.get(at)} runs` : `${hooks.get(at)} is in ${quoted(phase)}`;
  }
  return waits === null ? `is in ${quoted(path)}` : `waits for ${waits.what}`;
};

/** How many boots in a row, up to the newest that is over, ended as `failed` or `expired`; at least as many as its parent has tried. */
const deathsBefore = ({ boots, parent, end }: Row): number => {
  const before = end === null ? boots.slice(1) : boots;
  const good = before.findIndex(({ outcome }) => !isDeath(outcome));
  return Math.max(good === -1 ? before.length : good, parent?.tries ?? 0);
};

const times = (count: number): string => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);

/** `; died 4 times, next try in 8 s` */
const deathsOf = (row: Row, now: number): string => {
  const deaths = deathsBefore(row);
  const { nextTryAt = null } = row.parent ?? {};
  const next =
    row.end === null || nextTryAt === null
      ? []
      : [nextTryAt > now ? `next try in ${briefly(nextTryAt - now)}` : "next try is due"];
  const died = deaths > 1 || (deaths === 1 && row.end === null && isRecent(row, now)) ? [`died ${times(deaths)}`] : [];
  const parts = [...died, ...next];
  return parts.length === 0 ? "" : `; ${parts.join(", ")}`;
};

/** Whether the boot before the present one ended a short while ago. */
const isRecent = ({ boots }: Row, now: number): boolean => {
  const [, before] = boots;
  return before?.endedAt != null && now - before.endedAt < recentMs;
};

/** The first cause of an end, with the phase it happened in. */
const causeOf = ({ failures, end }: Row): string => {
  const [first] = failures;
  if (first === undefined) return end?.reason ?? "";
  return first.phase === "" ? first.message : `${first.message} (in ${quoted(first.phase)})`;
};

const endOf = (row: Row, now: number): string => {
  const end = row.end!;
  const ago = `${briefly(now - end.at)} ago`;
  const cause = causeOf(row);
  const because = cause === "" ? "" : `: ${cause}`;
  if (row.kind === "expired") return `expired ${ago}, last seen in ${quoted(row.path)}${because}`;
  if (row.kind === "failed") return `failed ${ago}${stateOf(row)}${because}`;
  return `ended ${ago}${because}`;
};

/** The state in which a process ended that did not reach `stopping`; empty where the boot has written nothing. */
const stateOf = ({ path, boot }: Row): string => (lifePartOf(path) === "stop" || boot === "" ? "" : ` in ${quoted(path)}`);

/** Another process has registered under the same instance id, which stopped an earlier boot. */
const sharedIdOf = ({ boots }: Row, now: number): string => {
  const replaced = boots
    .slice(1)
    .find(({ endedAt, code }) => endedAt !== null && now - endedAt < recentMs && code === replacedCode);
  return replaced === undefined
    ? ""
    : `; another process had the same id ${briefly(now - replaced.endedAt!)} ago and was stopped: give each instance an id of its own`;
};

/** An instance that does not renew its lease may have ended, so its readiness is not known. */
const silenceOf = ({ lease, state }: Row, now: number): string =>
  `not known: it does not renew its lease, which ends in ${briefly((lease.until ?? now) - now)}; last seen in ${quoted(state)}`;

const leaseOf = ({ lease }: Row): string =>
  lease.state === "suspect" || lease.state === "lost" ? `; its lease is ${lease.state}` : "";

const livingOf = (row: Row, now: number): string => {
  const { ready, reason, lease, state, since } = row;
  if (lease.state === "suspect" && lease.until !== null) return silenceOf(row, now);
  const more = `${leaseOf(row)}${sharedIdOf(row, now)}${deathsOf(row, now)}`;
  if (ready === null) return `${state} for ${briefly(now - since)}; whether it is ready is not known${more}`;
  if (!ready) return `not ready: ${reason || `is in ${quoted(state)}`}${more}`;
  return `ready: ${state} for ${briefly(now - since)}${more}`;
};

/** A sentence on one instance: whether it is ready, and if not, why and for how long. `now` by the clock of Redis. */
export const explain = (row: Row, now: number): string => {
  switch (row.kind) {
    case "living":
      return livingOf(row, now);
    case "ended":
    case "failed":
    case "expired":
      return `${endOf(row, now)}${deathsOf(row, now)}`;
    default:
      return `not ready: ${doingOf(row)} ${timeOf(row, now)}${whyOf(row)}${deathsOf(row, now)}`;
  }
};

/** The cause of a stop, or what has gone wrong in a boot so far. */
const whyOf = (row: Row): string => {
  const cause = row.failures.length > 0 ? causeOf(row) : row.reason;
  if (cause === "") return "";
  return isStopping(row.path) ? `; stops: ${cause}` : `: ${cause}`;
};
