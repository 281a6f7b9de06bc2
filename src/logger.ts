/** Loggers: the interface (pino's), and the default one, which writes a line a fact to standard output: JSON, or text on a terminal. */
import { isOf } from "../machines/thrown.ts";
import { cleanLine, escaped } from "./clean.ts";
import { fromEnvironment } from "./environment.ts";
import { messageOf } from "./errors.ts";
import type { Bounds } from "./plain.ts";
import { plain } from "./plain.ts";
import { writeOut } from "./process.ts";
import { readableLine } from "./readable.ts";

/** A pino-like logger. `fact` is data (`{ type: 'phase.ended', phase, durationMs }`), `message` the same in words. */
export interface Logger {
  /** details for a search after the event; the default logger drops them */
  debug(fact: object, message?: string): void;
  /** the ordinary course of a service */
  info(fact: object, message?: string): void;
  /** trouble that the service survives */
  warn(fact: object, message?: string): void;
  /** a failure of the service, its lease or its health server */
  error(fact: object, message?: string): void;
}

/** A logger of which every line has its words, for the parts of this package. */
export type WordedLogger = { readonly [Level in keyof Logger]: (fact: object, message: string) => void };

const levels = ["debug", "info", "warn", "error"] as const;
type Level = (typeof levels)[number];

/** How much the default logger writes: lines of this level and above; `silent` for none. */
export type LogLevel = Level | "silent";
export const logLevels: readonly LogLevel[] = [...levels, "silent"];

/** For a line that is no JSON (a big integer, a cycle or a getter that throws is replaced, the rest of the line stays), and for errors. */
const bounds: Bounds = { depth: 4, items: 32, length: 1000, stack: 4000 };

/** An error with its stack and causes, also one that has a `toJSON`. */
function withErrors(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const original = this[key];
  return isOf(original, Error) ? plain(original, bounds) : value;
}

const jsonOf = (line: object): string => {
  try {
    return escaped(JSON.stringify(line, withErrors));
  } catch {
    return escaped(JSON.stringify(plain(line, bounds)));
  }
};

/** What a logger is called with, as fields: a text is a message, and an error is `err`, as with pino. */
const fieldsOf = (fact: unknown): Readonly<Record<string, unknown>> => {
  if (isOf(fact, Error)) return { err: fact };
  return typeof fact === "object" && fact !== null ? (fact as Readonly<Record<string, unknown>>) : { msg: String(fact) };
};

/** Each line has words. */
const wordsOf = ({ msg, err, type }: Readonly<Record<string, unknown>>): string => {
  if (typeof msg === "string") return msg;
  return err === undefined ? String(type ?? "") : messageOf(err);
};

export interface LoggerOptions {
  /** lines below it are not written. Default `info` */
  readonly level?: LogLevel;
  readonly write?: (text: string) => void;
  /** text for a person in place of JSON. Default: whether standard output is a terminal */
  readonly isReadable?: boolean;
}

/** Writes one line a fact, synchronously to a file, so that the last line is not lost. */
export const createLogger = (
  base: object = {},
  { level = "info", write = writeOut, isReadable = process.stdout.isTTY }: LoggerOptions = {},
): Logger => {
  const colours = fromEnvironment("NO_COLOR") === undefined;
  const at = (own: Level) => (fact: object, message?: string) => {
    if (logLevels.indexOf(own) < logLevels.indexOf(level)) return;
    const time = new Date();
    const fields = fieldsOf(fact);
    const line = { level: own, time: time.toISOString(), ...base, ...fields, msg: message ?? wordsOf(fields) };
    write(`${isReadable ? readableLine(JSON.parse(jsonOf(line)), time, { colours }) : jsonOf(line)}\n`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};

/** Calls foreign code. What it throws, or rejects with later, is passed to `report` and goes no further. */
export const contained = (call: () => unknown, report: (error: unknown) => void): void => {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(report);
  } catch (error) {
    report(error);
  }
};

/** A logger whose failures reach no caller: the first one is passed to `report`, later ones are dropped. */
export const contain = (logger: Logger, report: (message: string) => void): Logger => {
  let failures = 0;
  const failed = (error: unknown) => {
    failures += 1;
    if (failures === 1) report(`the logger threw: ${messageOf(error)}`);
  };
  const safely = (level: Level) => (fact: object, message?: string) => contained(() => logger[level](fact, message), failed);
  return { debug: safely("debug"), info: safely("info"), warn: safely("warn"), error: safely("error") };
};

/** A warning of the process, as one line that moves no terminal. */
export const warn = (text: string): void => process.emitWarning(cleanLine(text), "StargazerWarning");

/** A logger that writes nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
