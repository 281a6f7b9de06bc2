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

/** The last line of a log, at most 500 characters; of a line of JSON its words. */
export const lastLineOf = (file: string): string => {
  try {
    return readable(readEnd(file, endBytes).trimEnd().split("\n").at(-1) ?? "").slice(0, maxLength);
  } catch (error) {
    return messageOf(error);
  }
};
