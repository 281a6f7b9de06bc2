/**
 * The one way out of the CLI. Every line is cleaned here, since its text may come from a status, an error of Redis or a reply. Only
 * colours and movements of the cursor that are the CLI's own pass.
 */
import { randomBytes } from "node:crypto";
import { cleanLine, escaped } from "../clean.ts";

/** Encloses what is the CLI's own. It is drawn at each start, so no text from outside has it. */
const mark = randomBytes(8).toString("hex");
const ownSequence = new RegExp(`${mark}((?:\\u001b\\[\\d*[AJm]|\\r)*)${mark}`);

/** A sequence of the CLI's own, for a part of a line: a colour, `ESC [ n A`, `ESC [ J`, or a carriage return. */
export const own = (sequence: string): string => `${mark}${sequence}${mark}`;

/** `split` gives text and own sequences in turn. */
const shown = (line: string): string =>
  line
    .split(ownSequence)
    .map((part, at) => (at % 2 === 0 ? cleanLine(part) : part))
    .join("");

/** One line, or a list of them. A break within a line is shown as a blank. */
type Lines = string | readonly string[];
const joined = (lines: Lines): string => [lines].flat().map(shown).join("\n");

/** To standard output. */
export const print = (lines: Lines): void => console.log(joined(lines));

/** To standard error. */
export const printError = (lines: Lines): void => console.error(joined(lines));

/** A whole text of the CLI's own, a file for example, with its breaks. */
export const printText = (text: string): void => print(text.replace(/\n$/, "").split("\n"));

/** For programs: nothing is left out, it is escaped. */
export const printJson = (value: unknown, indent = 0): void => console.log(escaped(JSON.stringify(value, undefined, indent)));

/**
 * Sends what a user's module prints to standard error until the returned function is called, so that standard output has only the
 * command's own text.
 */
export const divertOutput = (): (() => void) => {
  const { write } = process.stdout;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return () => {
    process.stdout.write = write;
  };
};

/** A part of a line, a prompt for example; the cursor stays behind it. */
export const printPart = (text: string): void => void process.stdout.write(shown(text));

/** How many columns a line takes. */
export const widthOf = (line: string): number =>
  line
    .split(ownSequence)
    .filter((_, at) => at % 2 === 0)
    .reduce((sum, part) => sum + cleanLine(part).length, 0);

/** Writes lines over the last `height` ones of a screen. */
export const redraw = (screen: { write(text: string): unknown }, height: number, lines: readonly string[]): void => {
  const over = height === 0 ? "" : own(`\u001b[${height}A\r\u001b[J`);
  screen.write(shown(over) + lines.map((line) => `${shown(line)}\n`).join(""));
};
