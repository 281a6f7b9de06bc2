/** The cause in a service's log, where the service reported none. */
import { readEnd } from "../bounded-file.ts";
import { messageOf } from "../errors.ts";
import { isRecord } from "../record.ts";

const maxLength = 500;
/** bytes of the end of a log that are read for its last line */
const endBytes = 65_536;

/** The words in one JSON line of a logger: its message and, behind it, its error. */
const wordsIn = (line: Record<string, unknown>): string => {
  const { msg, message, reason, error, err, type } = line;
  const cause = [error, err].map((one) => (isRecord(one) ? one.message : one)).find((one) => typeof one === "string");
  const words = [msg ?? message ?? type, reason, cause].filter((word) => typeof word === "string" && word !== "");
  return [...new Set(words)].join(": ");
};

const readable = (line: string): string => {
  try {
    const value: unknown = JSON.parse(line);
    return (isRecord(value) && wordsIn(value)) || line;
  } catch {
    return line;
  }
};

/** What Node writes of an uncaught error around its message. */
const isFrame = (line: string): boolean => /^(?:[ {}]|Node\.js v\d|\(Use `node|\s*$)/.test(line);
/** `Error: no luck`, `TypeError [ERR_X]: no luck` */
const isError = (line: string): boolean => /^(?:Uncaught )?[\w$]*(?:Error|Exception)\b[^:]*: /.test(line);

/** The error of a Node that crashed: the last one before its frames; undefined where the log does not end with one. */
const crashIn = (lines: readonly string[]): string | undefined => {
  if (!/^Node\.js v\d/.test(lines.at(-1) ?? "")) return undefined;
  return lines.findLast(isError) ?? lines.findLast((line) => !isFrame(line));
};

/** The cause that a log ends with: the error of a crash, else its last line, of JSON its words. At most 500 characters. */
export const causeInLog = (file: string): string => {
  try {
    const lines = readEnd(file, endBytes).trimEnd().split("\n");
    return (crashIn(lines) ?? readable(lines.at(-1) ?? "")).slice(0, maxLength);
  } catch (error) {
    return messageOf(error);
  }
};
