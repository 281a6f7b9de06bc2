/** A drawing as geometry, before any ink: what the layouts make, what the SVG writes, what the tests measure. All in px. */
import type { ChartState, Kind, SpawnedChild } from "../charts/graph.ts";
import type { Word } from "../charts/words.ts";
import { textWidth } from "./measure.ts";

export type Point = readonly [x: number, y: number];

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A line of small text in a state's box: an actor that it invokes, a child that begins or ends there, a reaction. */
export interface Note {
  readonly mark: "invokes" | "begins" | "ends" | "reacts";
  readonly text: string;
  readonly word?: Word;
}

export interface Box extends Rect {
  readonly state: ChartState;
  readonly notes: readonly Note[];
}

/** The label of one event, opaque, standing on its line. */
export interface Pill extends Rect {
  readonly word: Word;
}

export interface Line {
  /** of the arrows that it stands for */
  readonly ids: readonly string[];
  readonly kind: Kind | "mixed" | "initial" | "child";
  /** `tap`: the visible beginning of an exit; `rail`: what exits share; `trace`: the whole way of an exit, seen when it is taken */
  readonly role: "edge" | "tap" | "rail" | "trace";
  readonly points: readonly Point[];
  readonly hasHead: boolean;
  /** the boxes at its ends; empty for a dot */
  readonly ends: readonly string[];
}

/** A child machine beside the states it spans. */
export interface Bar extends Rect {
  readonly child: SpawnedChild;
}

export interface Caption extends Point2 {
  readonly text: string;
}
interface Point2 {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly pills: readonly Pill[];
  readonly dots: readonly Point[];
  readonly bars: readonly Bar[];
  readonly captions: readonly Caption[];
}

export const sizes = { name: 14, note: 11.5, pill: 11.5, title: 21 } as const;
export const pillHeight = 19;
const pillGap = 3;
const pillPadding = 8;
const noteHeight = 17;
/** the mark before a note's text */
export const markWidth = 15;
export const headHeight = 44;

const wordWidth = ({ text, guard }: Word): number =>
  textWidth([text, guard].filter(Boolean).join(" "), sizes.pill) + 2 * pillPadding;

export const noteWidth = ({ text }: Note): number => markWidth + textWidth(text, sizes.note);

/** What a leaf's box needs for its name and notes. */
export const boxSize = (name: string, notes: readonly Note[]): { width: number; height: number } => ({
  width: Math.max(textWidth(name, sizes.name, { bold: true }), ...notes.map(noteWidth)) + 36,
  height: notes.length === 0 ? 40 : 39 + notes.length * noteHeight,
});

/** Where the texts of a leaf's box stand: the baselines of its name and of each note. */
export const baselines = ({ y, height, notes }: Box): { name: number; notes: number[] } => {
  const top = y + (height - 14 - notes.length * noteHeight) / 2;
  return { name: top + 12, notes: notes.map((_, index) => top + 12 + (index + 1) * noteHeight) };
};

/** Words in a block of pills: under one another in one width, or flowing in centred rows of at most `maxWidth`. */
export interface Block {
  readonly width: number;
  readonly height: number;
  readonly rows: readonly (readonly Word[])[];
  readonly isColumn: boolean;
}

const heightOf = (rows: number): number => rows * (pillHeight + pillGap) - pillGap;
const rowWidth = (row: readonly Word[]): number => row.reduce((sum, word) => sum + wordWidth(word) + pillGap, -pillGap);

export const columnOf = (words: readonly Word[]): Block => ({
  width: Math.max(0, ...words.map(wordWidth)),
  height: heightOf(words.length),
  rows: words.map((word) => [word]),
  isColumn: true,
});

export const flowOf = (words: readonly Word[], maxWidth: number): Block => {
  const rows: Word[][] = [];
  for (const word of words) {
    const last = rows.at(-1);
    if (last !== undefined && rowWidth([...last, word]) <= maxWidth) last.push(word);
    else rows.push([word]);
  }
  return { width: Math.max(0, ...rows.map(rowWidth)), height: heightOf(rows.length), rows, isColumn: false };
};

/** The pills of a block whose corner is at `x`, `y`. */
export const pillsOf = (block: Block, x: number, y: number): Pill[] =>
  block.rows.flatMap((row, index) => {
    let left = x + (block.isColumn ? 0 : (block.width - rowWidth(row)) / 2);
    return row.map((word) => {
      const width = block.isColumn ? block.width : wordWidth(word);
      const pill = { x: left, y: y + index * (pillHeight + pillGap), width, height: pillHeight, word };
      left += width + pillGap;
      return pill;
    });
  });
