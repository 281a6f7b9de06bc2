/** Text for terminals: aligned, and coloured on a terminal only. */
import { cleanLine } from "../clean.ts";
import { fromEnvironment } from "../environment.ts";
import { own } from "./print.ts";

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
type Colour = keyof typeof codes;
export type Paint = (colour: Colour, text: string) => string;

/** Colours on a terminal unless NO_COLOR is set; elsewhere the text stays as it is. */
export const paintFor = (stream: { isTTY?: boolean }): Paint =>
  stream.isTTY === true && fromEnvironment("NO_COLOR") === undefined
    ? (colour, text) => `${own(`\u001b[${codes[colour]}m`)}${text}${own("\u001b[0m")}`
    : (_, text) => text;

type PaintCell = (row: number, column: number, text: string) => string;
const unpainted: PaintCell = (_row, _column, text) => text;

/** Aligned columns, measured as they will be printed, of at most `width` characters: the last one is cut, columns beyond it are left out. */
export const table = (rows: readonly (readonly string[])[], { width = 1000, paint = unpainted } = {}): string[] => {
  const clean = rows.map((row) => row.map(cleanLine));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((row) => row[column]?.length ?? 0)));
  const starts = widths.map((_, column) => widths.slice(0, column).reduce((sum, own) => sum + own + 2, 0));
  const fitting = starts.filter((start) => start < width).length;
  const cell = (text: string, row: number, column: number): string =>
    paint(row, column, text.padEnd(widths[column]!).slice(0, width - starts[column]!));
  return clean.map((row, index) =>
    row
      .slice(0, fitting)
      .map((text, column) => cell(text, index, column))
      .join("  ")
      .trimEnd(),
  );
};

/** The columns that have room beside each other: those of `spare` are left out while the others are too wide, the first one first. */
export const columnsWithin = (
  rows: readonly (readonly string[])[],
  columns: readonly number[],
  { width, spare }: { readonly width: number; readonly spare: readonly number[] },
): readonly number[] => {
  const widthOf = (column: number) => Math.max(...rows.map((row) => cleanLine(row[column]!).length));
  const isTooWide = (shown: readonly number[]) => shown.reduce((sum, column) => sum + widthOf(column) + 2, -2) > width;
  return spare.reduce((shown, column) => (isTooWide(shown) ? shown.filter((each) => each !== column) : shown), columns);
};

/** The words of a text in lines of at most `width` characters; a longer word has a line of its own. */
export const wrapped = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
};

/** `850 ms`, `3.2 s`, `12 min`, `5 h`. */
export const duration = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 3_600_000)} h`;
};
