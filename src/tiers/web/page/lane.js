// @ts-check
/** The swimlane of one row: what happened to it, over time. Places are shares of the window from a fixed moment on, so that time moves all lanes by one property. */
import { icon, make } from "../../../http/page/dom.js";
import { counted } from "../../../http/page/format.js";
import { isFall } from "./judge.js";

/** @import { PageState, WireSpan } from "../wire.ts" */
/**
 * @typedef {object} Piece
 * @property {string} look its classes; `x` is a cross, `flag` and `end` are marks at a moment
 * @property {number} from
 * @property {number | null} to null: it lasts
 */
/** `epoch`: the moment that is at the left edge while nothing has moved. @typedef {{ epoch: number, ms: number }} Window */

/** @type {(state: string, ready: boolean | null, stateOf: (name: string) => PageState | undefined) => string} */
const lookOf = (state, ready, stateOf) =>
  `b is-${state}${stateOf(state)?.takesWork !== true ? "" : ready === false ? " unready" : " working"}`;

/** @type {(span: WireSpan, next: WireSpan | undefined) => string} */
const emptyLook = (span, next) => {
  if (span[0] === "unknown") return "b unknown";
  return next !== undefined && isFall(span) ? "b wait" : "";
};

/**
 * What a lane shows of those spans since `from`.
 *
 * @type {(spans: readonly WireSpan[], from: number, stateOf: (name: string) => PageState | undefined) => Piece[]}
 */
export const piecesOf = (spans, from, stateOf) =>
  spans.flatMap((span, at) => {
    const [state, begin, to, ready, version, mark] = span;
    if (to !== null && to < from) return [];
    const known = stateOf(state);
    const isEmpty = known === undefined || known.isFinal;
    const look = isEmpty ? emptyLook(span, spans[at + 1]) : lookOf(state, ready, stateOf);
    const before = spans.slice(0, at).findLast(([, , , , other]) => other !== "");
    const isNew = mark === "boot" && before !== undefined && before[4] !== version;
    /** @type {Piece[]} */
    const pieces = look === "" ? [] : [{ look, from: begin, to }];
    if (begin < from) return pieces;
    if (isNew) pieces.push({ look: "flag", from: begin, to: begin });
    if (mark === "ended") pieces.push({ look: "end", from: begin, to: begin });
    if (isFall(span)) pieces.push({ look: "x", from: begin, to: begin });
    return pieces;
  });

/** @type {(piece: Piece, window: Window) => Element} */
const elementOf = ({ look, from: begin, to }, { epoch, ms }) => {
  // what is far beyond the left edge begins a little beyond it
  const from = Math.max(begin, epoch - ms / 50);
  const element = look === "x" ? icon("x", "x") : make("i", look);
  const { style } = /** @type {HTMLElement | SVGElement} */ (element);
  style.setProperty("left", `${(100 * (from - epoch)) / ms}%`);
  // one that lasts goes on beyond the right edge, where it is cut
  if (to === null) style.setProperty("width", "10000%");
  else if (to > from) style.setProperty("width", `${(100 * (to - from)) / ms}%`);
  return element;
};

/** @type {(track: Element, pieces: readonly Piece[], window: Window) => void} */
export const fillLane = (track, pieces, window) => track.replaceChildren(...pieces.map((piece) => elementOf(piece, window)));

/** The lane in words, for a screen reader. @type {(spans: readonly WireSpan[], from: number, span: string) => string} */
export const laneWords = (spans, from, span) => {
  const recent = spans.filter(([, begin]) => begin >= from);
  const boots = recent.filter(([, , , , , mark]) => mark === "boot").length;
  const falls = recent.filter(isFall).length;
  return `, ${counted(boots, "boot")} and ${counted(falls, "failed end")} in the last ${span}`;
};
