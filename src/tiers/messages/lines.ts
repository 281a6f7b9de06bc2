/** Reading the log of a conversation, back from its end or on from a cursor. A line that is not of a known form is skipped. */
import type { RedisClient } from "../../redis/client.ts";
import type { Role } from "./answer.ts";
import { maxTextBytes } from "./envelope.ts";

/** the longest name of an instance */
const maxByLength = 200;

/** A line of a conversation. */
export interface LogLine {
  /** the id of the entry: the position of a reader */
  readonly cursor: string;
  readonly role: Role;
  readonly id: string;
  readonly author: string;
  readonly text: string;
  /** ms since the epoch */
  readonly at: number;
  /** the id of the message that it answers; empty where it answers none */
  readonly to: string;
  /** the instance that answered, and the attempt; left out where the entry does not have them */
  readonly by?: string;
  readonly attempts?: number;
}

/** The way of an answer. Total. */
const wayOf = (fields: ReadonlyMap<string, string>): Pick<LogLine, "by" | "attempts"> => {
  const [by = "", attempts] = [fields.get("by"), Number(fields.get("attempts"))];
  return {
    ...(by === "" || by.length > maxByLength ? {} : { by }),
    ...(Number.isSafeInteger(attempts) && attempts > 0 ? { attempts } : {}),
  };
};

/** An entry of a stream as ioredis returns it. */
export type LogEntry = readonly [id: string, fields: readonly string[]];

const isRole = (text: string | undefined): text is Role => text === "user" || text === "assistant" || text === "notice";

/** The entry as a line; undefined if it is not one. Total. */
export const lineOf = ([cursor, flat]: LogEntry): LogLine | undefined => {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length && at < 64; at += 2) fields.set(flat[at]!, flat[at + 1]!);
  const [role, id, text, at] = [fields.get("role"), fields.get("id"), fields.get("text"), Number(fields.get("at"))];
  if (!isRole(role) || !id || !text || text.length > maxTextBytes || !Number.isSafeInteger(at)) return undefined;
  return { cursor, role, id, author: fields.get("author") ?? "", text, at, to: fields.get("to") ?? "", ...wayOf(fields) };
};

export interface Page {
  readonly lines: readonly LogLine[];
  /** of the last entry that was read, also where that is no line; undefined where there was none */
  readonly cursor: string | undefined;
  /** whether there may be more */
  readonly isFull: boolean;
}

const pageOf = (entries: readonly LogEntry[], count: number): Page => ({
  lines: entries.flatMap((entry) => lineOf(entry) ?? []),
  cursor: entries.at(-1)?.[0],
  isFull: entries.length === count,
});

/** The lines before a cursor, newest first; those at the end where there is none. */
export const linesBefore = async (redis: RedisClient, log: string, cursor: string | undefined, count: number): Promise<Page> =>
  pageOf(await redis.xrevrange(log, cursor === undefined ? "+" : `(${cursor}`, "-", "COUNT", count), count);

/** The lines after a cursor, oldest first; all of them after `0`. */
export const linesAfter = async (redis: RedisClient, log: string, cursor: string, count: number): Promise<Page> =>
  pageOf(await redis.xrange(log, `(${cursor}`, "+", "COUNT", count), count);
