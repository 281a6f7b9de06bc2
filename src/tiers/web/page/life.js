// @ts-check
/** The chart of a life, folded to the width of the rail: the nine in a column, the present one open, the way out beside them. */
import { draw } from "../../../http/page/dom.js";
import { briefly } from "../../../http/page/format.js";
import { isAlive } from "./judge.js";

/** @import { PageState, WireInstance, WireRow } from "../wire.ts" */
/** @typedef {{ states: readonly PageState[], stateOf: (name: string) => PageState | undefined, now: () => number, phases: WireInstance["phases"] }} Known */
/**
 * @typedef {object} Box
 * @property {PageState} state
 * @property {number} y
 * @property {number} height
 * @property {boolean} isOn
 * @property {boolean} isPast it was in it
 * @property {readonly Step[]} steps
 * @property {readonly string[]} exits
 * @property {number} spent ms
 */
/** @typedef {{ name: string, how: "done" | "on" | "ahead", time: string }} Step */

const left = 74;
const width = 150;
const boxHeight = 26;
const gap = 13;
const rail = 346;
const lineHeight = 19;
/** own phases of a state that are shown */
const ownCount = 6;

/** The spans of the newest boot. @param {WireRow} row */
const bootSpans = ({ lane }) => {
  const begin = lane.findLastIndex(([, , , , , mark]) => mark === "boot");
  return begin === -1 ? lane : lane.slice(begin);
};

/** The tier's own phases of a state, the last ones. @type {(row: WireRow, state: string, known: Known) => Step[]} */
const ownSteps = (row, state, { phases, now }) => {
  const below = row.path.startsWith(`${state}.`) ? row.path.slice(state.length + 1) : "";
  const own = phases.filter(({ phase }) => phase.startsWith(`${state}.`));
  if (own.length === 0) return below === "" ? [] : [{ name: below, how: "on", time: "" }];
  return own.slice(-ownCount).map(({ phase, startedAt, ms }) => ({
    name: phase.slice(state.length + 1),
    how: ms === null ? "on" : "done",
    time: briefly(ms ?? Math.max(0, (row.end?.at ?? now()) - startedAt)),
  }));
};

/** @type {(row: WireRow, state: PageState, isEnd: boolean, known: Known) => Step[]} */
const stepsOf = (row, { name, steps, isEnding }, isEnd, known) => {
  if (!isEnding) return ownSteps(row, name, known);
  const below = row.path.startsWith(`${name}.`) ? row.path.slice(name.length + 1) : "";
  const times = row.end?.steps ?? {};
  const at = steps.indexOf(below.split(".", 1)[0] ?? "");
  return steps.map((step, place) => {
    const ms = times[step] ?? times[`${name}.${step}`];
    const how = isEnd || place < at ? "done" : place === at ? "on" : "ahead";
    return { name: step, how, time: ms === undefined ? "" : briefly(ms) };
  });
};

/**
 * The states that the boot was in. A lane goes back an hour: of a boot that began before, the states that lead to the first one in it
 * were passed. @type {(row: WireRow, spans: WireRow["lane"], known: Known) => ReadonlySet<string>}
 */
const reachedIn = (row, spans, { states, stateOf }) => {
  const names = spans.map(([name]) => /** @type {string} */ (name));
  const first = names.find((name) => stateOf(name) !== undefined) ?? row.state;
  const isCut = spans[0]?.[5] !== "boot" && stateOf(first)?.isEnding === false;
  const before = isCut
    ? states
        .slice(
          0,
          states.findIndex(({ name }) => name === first),
        )
        .map(({ name }) => name)
    : [];
  return new Set([...before, ...names]);
};

/** @type {(row: WireRow, known: Known) => Box[]} */
const boxesOf = (row, known) => {
  const { states, stateOf, now } = known;
  const spans = bootSpans(row);
  const isThere = isAlive(row);
  const reached = reachedIn(row, spans, known);
  const current = states.findIndex(({ name }) => name === row.state);
  // an instance that was killed has passed no stop
  const fell = states[current]?.isFinal === true ? states.find(({ isEnding, isFinal }) => isEnding && !isFinal) : undefined;
  let y = 6;
  return states.map((state, at) => {
    const isOn = state.name === row.state;
    const spent = spans.filter(([name]) => name === state.name).reduce((sum, [, from, to]) => sum + (to ?? now()) - from, 0);
    const isOpen = isOn || state === fell;
    const steps = isOpen ? stepsOf(row, state, state === fell, known) : [];
    const exits = isOn && isThere ? state.exits : [];
    const height = Math.max(
      boxHeight,
      steps.length > 0 ? boxHeight + steps.length * lineHeight + 6 : 0,
      exits.length > 1 ? exits.length * 18 + 4 : 0,
    );
    const isPast = !isOn && (reached.has(state.name) || (at === 0 && current > 0) || state === fell);
    const box = { state: stateOf(state.name) ?? state, y, height, isOn, isPast, steps, exits, spent };
    y += height + gap;
    return box;
  });
};

/** @param {Box} box */
const middleOf = ({ y, height, steps }) => y + (steps.length > 0 ? 13 : height / 2);

/** @type {(path: string, colour: string, weight?: number) => Element} */
const line = (path, colour, weight = 1.25) =>
  draw("path", {
    d: path,
    fill: "none",
    stroke: colour,
    "stroke-width": weight,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });

/** @type {(x: number, y: number, colour: string, turn?: number) => Element} */
const head = (x, y, colour, turn = 0) =>
  draw("path", { d: "M-4 -6 L0 0 L4 -6Z", fill: colour, transform: `translate(${x} ${y}) rotate(${turn})` });

/** @type {(x: number, y: number, className: string, words: string, anchor?: string) => Element} */
const text = (x, y, className, words, anchor = "start") => draw("text", { x, y, class: className, "text-anchor": anchor }, words);

/** @param {string} exit */
const exitClass = (exit) => {
  if (exit.startsWith("after ")) return "label deadline";
  if (exit.startsWith("lease.")) return "label lease";
  return exit === "error" || exit === "done" ? "label error" : "label command";
};

/** @type {(box: Box, isGone: boolean) => Element[]} */
const boxParts = (box, isGone) => {
  const { state, y, height, isOn, isPast, steps, exits, spent } = box;
  const colour = isOn && isGone ? "var(--s-bad)" : `var(--s-${state.name})`;
  const isSeen = isOn || isPast;
  const parts = [
    draw("rect", {
      ...{ x: left, y, width, height, rx: 7, "stroke-width": isOn ? 2.2 : 1.1 },
      fill: isSeen && !isGone ? `color-mix(in srgb, ${colour} ${isOn ? 14 : 6}%, var(--panel))` : "var(--panel)",
      stroke: isSeen ? colour : "var(--edge)",
      ...(isOn && isGone ? { "stroke-dasharray": "5 4" } : isSeen ? {} : { "stroke-dasharray": "3 3" }),
    }),
    text(left + 12, y + (steps.length > 0 ? 17 : height / 2 + 4), isOn ? "hot" : isPast ? "" : "ahead", state.name),
  ];
  const middle = middleOf(box);
  if (isSeen && spent > 0) parts.push(text(left - 22, middle + 4, "t", briefly(spent), "end"));
  if (isOn && isGone) parts.push(text(left + width + 12, middle + 4, "label error", "last seen here"));
  if (isOn && !isGone) parts.push(draw("circle", { cx: left + width - 14, cy: middle, r: 4, fill: colour }));
  steps.forEach(({ name, how, time }, at) => {
    const line = y + 36 + at * lineHeight;
    const mark = how === "done" ? "✓" : how === "on" ? "●" : "·";
    parts.push(text(left + 12, line, how === "on" ? "step hot" : "step t", `${mark} ${name}`));
    if (time !== "") parts.push(text(left + width - 8, line, "step t", time, "end"));
  });
  exits.forEach((exit, at) => {
    const place = y + height / 2 + (at - (exits.length - 1) / 2) * 18;
    parts.push(line(`M${left + width} ${place} H${rail}`, "var(--edge)"));
    parts.push(text(left + width + 12, place + 4, exitClass(exit), exit));
  });
  return parts;
};

/** The arrow to the next of the nine; coloured where it was taken. @type {(box: Box, next: Box, isTaken: boolean) => Element[]} */
const arrow = (box, next, isTaken) => {
  const colour = isTaken ? `var(--s-${next.state.name})` : "var(--line)";
  const x = left + width / 2;
  return [
    line(`M${x} ${box.y + box.height} V${next.y - 4}`, colour, isTaken ? 2.4 : 1.25),
    head(x, next.y, isTaken ? colour : "var(--edge)"),
  ];
};

/** The way out, from every state to the one that ends; the one that was taken in colour. @type {(boxes: readonly Box[], end: Box, from: Box | undefined) => Element[]} */
const exitRail = (boxes, end, from) => {
  const top = boxes[1];
  if (top === undefined) return [];
  const foot = end.y + 13;
  const turn = `V${foot - 8} q0 8 -8 8 H${left + width + 6}`;
  const parts = [line(`M${rail} ${middleOf(top)} ${turn}`, "var(--line)", 3), head(left + width + 1, foot, "var(--edge)", 90)];
  for (const box of boxes.slice(1, boxes.indexOf(end)))
    if (!box.isOn) parts.push(line(`M${left + width} ${middleOf(box)} H${rail}`, "var(--line)"));
  if (from === undefined) return parts;
  const colour = `var(--s-${end.state.name})`;
  const out = `M${left + width} ${middleOf(from)} H${rail - 8} q8 0 8 8 ${turn}`;
  return [...parts, line(out, colour, 2.4), head(left + width + 1, foot, colour, 90)];
};

/** The drawing of a row's newest boot. @type {(row: WireRow, known: Known) => Element} */
export const lifeOf = (row, known) => {
  const boxes = boxesOf(row, known);
  const end = boxes.find(({ state }) => state.isEnding && !state.isFinal);
  const last = boxes.at(-1);
  if (end === undefined || last === undefined) return draw("svg", { class: "life" });
  const at = boxes.indexOf(end);
  const isOut = end.isOn || end.isPast || last.isOn;
  const from = isOut ? boxes.slice(0, at).findLast(({ isPast }) => isPast) : undefined;
  // its end was not written, or was written by its parent: the last known state is shown
  const isGone = row.isOver && !last.isOn;
  const svg = draw("svg", { class: "life", role: "img", viewBox: `-12 0 384 ${last.y + last.height + 8}` });
  svg.setAttribute(
    "aria-label",
    `${row.instance}: ${isGone ? "last seen in " : ""}${boxes.find(({ isOn }) => isOn)?.state.name ?? ""}`,
  );
  svg.append(...exitRail(boxes, end, from));
  boxes.forEach((box, place) => {
    const next = boxes[place + 1];
    if (next !== undefined)
      svg.append(...arrow(box, next, (box.isPast || box.isOn) && (next.isPast || next.isOn) && box !== from));
  });
  for (const box of boxes) svg.append(...boxParts(box, isGone && box.isOn));
  if (row.lease.state !== "none") svg.append(leaseBar(row, boxes));
  return svg;
};

/** Beside the states in which it is held. @type {(row: WireRow, boxes: readonly Box[]) => Element} */
const leaseBar = (row, boxes) => {
  const from = boxes.find(({ state }) => state.takesWork)?.y ?? 0;
  const to = boxes.findLast(({ isOn, isPast }) => isOn || isPast);
  const colour = row.lease.state === "held" ? "var(--odd)" : row.lease.state === "suspect" ? "var(--warn)" : "var(--edge)";
  const height = Math.max(boxHeight, (to === undefined ? from : to.y + to.height) - from);
  return draw("rect", { x: left - 13, y: from, width: 4, height, rx: 2, fill: colour });
};
