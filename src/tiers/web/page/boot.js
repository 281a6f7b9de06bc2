// @ts-check
/** The boot and the stop of an instance as two waterfalls: each phase below the one that it is part of, at its place in time. */
import { make } from "../../../http/page/dom.js";
import { briefly, secondTime, topOf } from "../../../http/page/format.js";
import { stateSince } from "./judge.js";

/** @import { WireInstance } from "../wire.ts" */
/** @typedef {WireInstance["phases"][number]} Phase */
/** `name`: without the phase that it is within. @typedef {{ phase: string, name: string, depth: number, from: number, ms: number, isOpen: boolean, isBad: boolean }} Line */

/** Whether a phase is part of another one. @type {(phase: string, of: string) => boolean} */
const isWithin = (phase, of) => phase.startsWith(`${of}.`);

/** @type {(phase: string, among: readonly Phase[]) => { name: string, depth: number }} */
const placeOf = (phase, among) => {
  const around = among.flatMap((other) => (isWithin(phase, other.phase) ? [other.phase.length] : []));
  const top = topOf(phase).length;
  const outer = Math.max(phase.length === top ? -1 : top, ...around);
  return { name: phase.slice(outer + 1), depth: around.length };
};

/**
 * The lines of a waterfall, in the order of their beginnings, those within a phase below it.
 *
 * @type {(phases: readonly Phase[], end: number) => Line[]}
 */
export const linesOf = (phases, end) => {
  const first = Math.min(...phases.map(({ startedAt }) => startedAt));
  const sorted = [...phases].sort((a, b) => a.startedAt - b.startedAt || a.phase.length - b.phase.length);
  /** @type {Phase[]} */
  const ordered = [];
  const add = (/** @type {Phase} */ phase) => {
    if (ordered.includes(phase)) return;
    ordered.push(phase);
    for (const inner of sorted) if (isWithin(inner.phase, phase.phase)) add(inner);
  };
  for (const phase of sorted) if (!sorted.some((other) => isWithin(phase.phase, other.phase))) add(phase);
  return ordered.map(({ phase, startedAt, ms, outcome }) => ({
    phase,
    ...placeOf(phase, sorted),
    from: startedAt - first,
    ms: ms ?? Math.max(0, end - startedAt),
    isOpen: ms === null,
    isBad: outcome === "failed" || outcome === "timeout",
  }));
};

/** @type {(line: Line, whole: number, isOver: boolean) => HTMLElement} */
const itemOf = ({ phase, name: word, depth, from, ms, isOpen, isBad }, whole, isOver) => {
  const bar = make("i", `is-${topOf(phase)}`);
  bar.style.setProperty("--from", String(from / whole));
  bar.style.setProperty("--share", String(ms / whole));
  const track = make("span", "track", bar);
  track.setAttribute("aria-hidden", "true");
  const name = make("b", "", word);
  name.title = phase;
  const how = isBad ? "✕ " : isOpen ? (isOver ? "cut after " : "so far ") : "";
  const item = make("li", isBad ? "bad" : isOpen ? "open" : "", name, track, make("span", "", `${how}${briefly(ms)}`));
  item.style.setProperty("--depth", String(depth));
  return item;
};

/** @type {(title: string, phases: readonly Phase[], end: number, isOver: boolean) => Node[]} */
const waterfall = (title, phases, end, isOver) => {
  if (phases.length === 0) return [];
  const lines = linesOf(phases, end);
  const whole = Math.max(1, ...lines.map(({ from, ms }) => from + ms));
  const list = make("ol", "phases", ...lines.map((line) => itemOf(line, whole, isOver)));
  list.setAttribute("aria-label", `${title}: each phase with its time`);
  return [make("h3", "", title, make("span", "", briefly(whole))), list];
};

/** The present state, or the one in which it was cut: as a phase it has not ended. @type {(instance: WireInstance, partOf: (state: string) => string | undefined) => Phase[]} */
const presentOf = ({ row, phases }, partOf) => {
  const isShown = phases.length > 0 && partOf(row.state) === "boot" && !phases.some(({ phase }) => phase === row.state);
  return isShown ? [{ phase: row.state, startedAt: stateSince(row), ms: null, outcome: "" }] : [];
};

/**
 * The waterfall of the newest boot, and of its stop. `partOf`: the part of a life that a state belongs to.
 *
 * @type {(instance: WireInstance, options: { now: number, partOf: (state: string) => string | undefined }) => Node[]}
 */
export const bootOf = (instance, { now, partOf }) => {
  const { row } = instance;
  const { isOver } = row;
  const phases = [...instance.phases, ...presentOf(instance, partOf)];
  const end = row.end?.at ?? now;
  const ofStop = phases.filter(({ phase }) => partOf(topOf(phase)) === "stop");
  const ofBoot = phases.filter((phase) => !ofStop.includes(phase));
  const stopAt = Math.min(end, ...ofStop.map(({ startedAt }) => startedAt));
  return [
    ...waterfall("Its boot", ofBoot, stopAt, isOver || ofStop.length > 0),
    ...waterfall(`The stop of the boot of ${secondTime(row.startedAt)}`, ofStop, end, isOver),
  ];
};
