/** Lines on a terminal that are drawn again in place; all other lines scroll above them. */
import { redraw, widthOf } from "./print.ts";
import { paintFor } from "./terminal.ts";

/** A terminal, as far as a board needs one. */
export interface Screen {
  readonly isTTY?: boolean;
  /** 0 where the size is unknown */
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const refreshMs = 1000;

export interface Drawn {
  /** Draws the lines as they are now, below `above`. */
  draw(above?: readonly string[]): void;
  close(): void;
}

/** Draws `lines()` every second and at each `draw`; `close` ends that. */
export const drawnOn = (screen: Screen, lines: () => readonly string[]): Drawn => {
  const paint = paintFor(screen);
  /** the widths of the lines that were drawn last */
  let drawn: readonly number[] = [];
  /** Redrawing moves the cursor up by the height of the board: it has to fit on the screen, with the line of the cursor below it. */
  const clipped = (all: readonly string[]): readonly string[] => {
    const room = Math.max(0, (screen.rows || 24) - 1);
    if (all.length <= room) return all;
    return room < 2 ? [] : [...all.slice(0, room - 1), paint("dim", `and ${all.length - room + 1} more`)];
  };
  /** A terminal that was made narrower since has broken the lines that no longer fit. */
  const height = (): number => {
    const columns = screen.columns || Number.POSITIVE_INFINITY;
    return drawn.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);
  };
  const draw = (above: readonly string[] = []): void => {
    const shown = clipped(lines());
    redraw(screen, height(), [...above, ...shown]);
    drawn = shown.map(widthOf);
  };
  const timer = setInterval(draw, refreshMs).unref();
  return { draw, close: () => clearInterval(timer) };
};
