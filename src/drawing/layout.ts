/** A picture as geometry, in px: made by the layout, written as SVG, measured by the tests. */
import type { ChartState, Kind, SpawnedChild } from "../charts/graph.ts";
import type { Word } from "../charts/words.ts";
import { textOf } from "../charts/words.ts";
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

/** A word where it stands: plain text beside its line, with a ground that shows only while it is lit. */
export interface Label extends Rect {
  readonly word: Word;
  /** whether another label stands before it in its row */
  readonly isFollowing: boolean;
  /** at which end its text is fixed, so that another font's width does not move it from its line */
  readonly side: "left" | "right";
}

export interface Line {
  /** of the arrows that it stands for */
  readonly ids: readonly string[];
  readonly title?: string;
  readonly kind: Kind | "mixed" | "initial" | "child";
  /** `tap`: the visible beginning of an exit; `rail`: what exits share; `trace`: the whole way of an exit, seen when it is taken */
  readonly role: "edge" | "tap" | "rail" | "trace";
  readonly points: readonly Point[];
  readonly hasHead: boolean;
  /** the boxes at its ends; empty for a dot */
  readonly ends: readonly string[];
}

/** A child machine beside the states that it spans. */
export interface Bar extends Rect {
  readonly child: SpawnedChild;
}

export interface Caption {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly className?: "end" | "begins";
}

export type Shape =
  | Kind
  | "invokes"
  | "reacts"
  | "begins"
  | "ends"
  | "child"
  | "initial"
  | "final"
  | "ready"
  | "rail"
  | "any"
  | "parallel";

export interface LegendItem {
  readonly shape: Shape;
  readonly text: string;
  readonly x: number;
  /** the baseline of its text */
  readonly y: number;
}

export interface Header {
  readonly sentence: readonly string[];
  readonly legend: readonly LegendItem[];
  readonly bottom: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly labels: readonly Label[];
  readonly dots: readonly Point[];
  readonly bars: readonly Bar[];
  readonly captions: readonly Caption[];
  /** the sentence under the title, and the legend */
  readonly header: Header;
}

export const margin = 26;
export const sizes = { name: 14, note: 11.5, caption: 11.5, word: 11.5, title: 21, sentence: 13 } as const;
export const labelHeight = 17;
const labelGap = 12;
/** between a label's text and its ground's border */
export const labelPadding = 4;
const noteHeight = 17;
/** the mark before a note's text */
export const markWidth = 15;
export const headHeight = 44;

const wordWidth = (word: Word): number => textWidth(textOf(word), sizes.word) + 2 * labelPadding;

export const noteWidth = ({ text }: Note): number => markWidth + textWidth(text, sizes.note);

/** Where a frame's name and the notes after it end, from its left border. */
export const headWidth = ({ state, notes }: Pick<Box, "state" | "notes">): number =>
  notes.reduce((sum, note) => sum + noteWidth(note) + 16, 18 + textWidth(state.name, sizes.name, { bold: true }) + 16);

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

/** Words in rows of at most `maxWidth`. */
export interface Block {
  readonly width: number;
  readonly height: number;
  readonly rows: readonly (readonly Word[])[];
}

const rowWidth = (row: readonly Word[]): number => row.reduce((sum, word) => sum + wordWidth(word) + labelGap, -labelGap);

/** A word that is too wide for a row has its guard in a row of its own. */
const fitted = (word: Word, maxWidth: number): Word[] =>
  wordWidth(word) <= maxWidth || word.parts.length === 0 || word.guard === ""
    ? [word]
    : [
        { ...word, guard: "" },
        { ...word, parts: [] },
      ];

export const flowOf = (words: readonly Word[], maxWidth: number): Block => {
  const rows: Word[][] = [];
  for (const word of words.flatMap((each) => fitted(each, maxWidth))) {
    const last = rows.at(-1);
    if (last !== undefined && rowWidth([...last, word]) <= maxWidth) last.push(word);
    else rows.push([word]);
  }
  return { width: Math.max(0, ...rows.map(rowWidth)), height: rows.length * labelHeight, rows };
};

/** The labels of a block whose corner is at `x`, `y`. */
export const labelsOf = ({ rows, width: blockWidth }: Block, x: number, y: number, side: "left" | "right" = "left"): Label[] =>
  rows.flatMap((row, index) => {
    let left = side === "left" ? x : x + blockWidth - rowWidth(row);
    return row.map((word, at) => {
      const width = wordWidth(word);
      const label = {
        x: left,
        y: y + index * labelHeight,
        width,
        height: labelHeight,
        word,
        isFollowing: at > 0,
        side: row.length === 1 ? side : ("left" as const),
      };
      left += width + labelGap;
      return label;
    });
  });

const greedy = (text: string, size: number, maxWidth: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const longer = [lines.at(-1), word].filter(Boolean).join(" ");
    if (lines.length > 0 && textWidth(longer, size) <= maxWidth) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
};

/** A text in as few lines of at most `maxWidth` as it needs, all about as long as one another. */
export const wrapped = (text: string, size: number, maxWidth: number): string[] => {
  const { length } = greedy(text, size, maxWidth);
  let width = maxWidth;
  while (width > 20 && greedy(text, size, width - 4).length === length) width -= 4;
  return greedy(text, size, width);
};

export const captionLine = 14;

/** What a frame's state does: after its name and notes, or under them where that is too long. */
export const headText = (
  box: Pick<Box, "state" | "notes">,
  frameWidth: number,
): { after: readonly string[]; below: readonly string[] } => {
  const { description = "" } = box.state;
  if (description === "") return { after: [], below: [] };
  // some fonts are wider than the table of advances, and nothing else keeps this text inside its frame
  const fits = headWidth(box) + 1.12 * textWidth(description, sizes.caption) <= frameWidth - 18;
  return fits ? { after: [description], below: [] } : { after: [], below: wrapped(description, sizes.caption, frameWidth - 36) };
};
