/** Loggers: the interface (pino's), and the default one, which writes one JSON line a fact to standard output. */
import { isOf } from "../machines/thrown.ts";
import { escaped } from "./clean.ts";
import { messageOf } from "./errors.ts";
import { plain } from "./plain.ts";
import { writeOut } from "./process.ts";

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

const withErrors = (_key: string, value: unknown): unknown =>
  isOf(value, Error)
    ? { name: value.name, code: (value as { code?: unknown }).code, message: value.message, stack: value.stack }
    : value;

/** For a line that is no JSON: a big integer, a cycle or a getter that throws is replaced, the rest of the line stays. */
const bounds = { depth: 4, items: 32, length: 1000 };

const textOf = (line: object): string => {
  try {
    return escaped(JSON.stringify(line, withErrors));
  } catch {
    return escaped(JSON.stringify(plain(line, bounds)));
  }
};

/** Writes one JSON line a fact, synchronously to a file, so that the last line is not lost. */
export const createLogger = (base: object = {}, { level = "info" as Level, write = writeOut } = {}): Logger => {
  const at = (own: Level) => (fact: object, message?: string) => {
    if (levels.indexOf(own) < levels.indexOf(level)) return;
    const line = {
      level: own,
      time: new Date().toISOString(),
      ...base,
      ...fact,
      ...(message === undefined ? {} : { msg: message }),
    };
    write(`${textOf(line)}\n`);
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

/** A logger that writes nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
