/** A line of the log as a person reads it on a terminal. Its colours are its only control characters. */
import { cleanLine, cleanLines } from "./clean.ts";

/** What a line of the log is made of. `err` is reduced to plain JSON. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  /** the name of the service; absent for a line of none */
  readonly service?: unknown;
  readonly err?: unknown;
  readonly [field: string]: unknown;
}

/** fields that are elsewhere in the line, that are the same in every line, or that are tables */
const apart = new Set(["level", "time", "msg", "service", "instance", "err", "type", "phases", "failures", "startedAt"]);
const maxField = 200;

const colours: Readonly<Record<string, string>> = { debug: "2", warn: "33", error: "31" };

/** Returns the text of a line without its end; with the stack of an error below it. `at`: the time of the line. */
export const readableLine = (line: LogLine, at: Date, { colours: isColoured }: { readonly colours: boolean }): string => {
  const paint = (code: string | undefined, text: string) =>
    isColoured && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text;
  const head = [
    paint("2", timeOf(at)),
    paint(colours[line.level], line.level.padEnd(5)),
    ...(line.service === undefined ? [] : [paint("1", cleanLine(String(line.service)))]),
    cleanLine(line.msg),
    ...fieldsOf(line).map((field) => paint("2", field)),
  ];
  return [head.join("  "), ...errorLines(errorOf(line)).map((text) => paint("2", `    ${text}`))].join("\n");
};

const timeOf = (at: Date): string => `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, "0")}`;

/** The fields whose values are not part of the message. */
const fieldsOf = (line: LogLine): string[] =>
  Object.entries(line)
    .filter(([name, value]) => !apart.has(name) && value !== undefined && !line.msg.includes(textOf(value)))
    .map(([name, value]) => cleanLine(`${name}=${textOf(value).slice(0, maxField)}`));

const textOf = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

/** The error to show. A report repeats the failure that an earlier line has with its stack, unless the chart itself failed. */
const errorOf = ({ type, err }: LogLine): unknown =>
  type === "stopped" && (err as { code?: unknown } | undefined)?.code !== "SG_ERR_INTERNAL" ? undefined : err;

/** The folder of this package's code. */
const ownFolder = (): string | undefined => {
  try {
    return new URL(".", import.meta.url).href;
  } catch {
    // a bundle in CommonJS has no such place
    return undefined;
  }
};
const own = ownFolder();
const isFrame = (line: string): boolean => /^ +at /.test(line);
/** Whether a frame is of the program: not of this package, XState or Node. */
const isForeign = (line: string): boolean =>
  isFrame(line) &&
  !(own !== undefined && line.includes(own)) &&
  !/[/\\]node_modules[/\\]xstate[/\\]|\(?node:|<anonymous>\)?$/.test(line);

/** Only the frames of the program, where there are any; an error of this package's own has its words. */
const shownFrames = (lines: readonly string[], name: unknown): string[] =>
  name === "StargazerError" || lines.some(isForeign) ? lines.filter((line) => !isFrame(line) || isForeign(line)) : [...lines];

/** The stack of an error and of each cause; one that has no stack is its message. */
const errorLines = (error: unknown): string[] => {
  if (error === undefined || error === null) return [];
  if (typeof error !== "object") return [cleanLine(String(error))];
  const { stack, name, message, cause, errors } = error as Readonly<Record<string, unknown>>;
  const lines = cleanLines(typeof stack === "string" ? stack : `${String(name)}: ${String(message)}`);
  const led = [...(Array.isArray(errors) ? errors : []), cause].map(errorLines).filter((lines) => lines.length > 0);
  return [...shownFrames(lines, name), ...led.flatMap(([first, ...rest]) => [`caused by ${first}`, ...rest])];
};
