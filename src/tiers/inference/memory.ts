/** The last turns of a conversation as a model reads them, bounded in tokens and in bytes. */
import type { RedisClient } from "../../redis/client.ts";
import type { Waiting } from "../../until.ts";
import { until } from "../../until.ts";
import type { Inbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import type { LogLine } from "../messages/lines.ts";
import { linesBefore } from "../messages/lines.ts";
import type { Turn } from "./responder.ts";

/**
 * An estimate that no tokenizer of the common models exceeds by much: one token for three bytes of UTF-8, and four for a turn. English
 * has about four bytes to a token, other scripts two to three.
 */
export const tokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / 3) + 4;

/** of one read, and of all reads for one message: more than wait in a lane */
const pageLines = 20;
const maxLines = 120;
/** bytes of UTF-8 of all turns, for any setting of the tokens */
const maxBytes = 256 * 1024;

export interface Recollection {
  /** oldest first */
  readonly turns: readonly Turn[];
  /** the lines behind the message */
  readonly later: readonly LogLine[];
}

/** Counts what was taken, and is over with the first turn that does not fit. */
class Budget {
  #tokens: number;
  #bytes = maxBytes;
  constructor(tokens: number) {
    this.#tokens = tokens;
  }

  takes(text: string): boolean {
    this.#tokens -= tokensOf(text);
    this.#bytes -= Buffer.byteLength(text);
    return this.#tokens >= 0 && this.#bytes >= 0;
  }
}

const isOwn = (id: string) => (line: LogLine) => line.role === "user" && line.id === id;

interface Bounds extends Waiting {
  /** of the turns; see `tokensOf` */
  readonly tokens: number;
}

/** The lines of the log from its end back to the message, and as many before it as the memory needs; oldest first. */
const readBack = async (redis: RedisClient, log: string, id: string, { signal, tokens }: Bounds): Promise<LogLine[]> => {
  const lines: LogLine[] = [];
  let cursor: string | undefined;
  for (let read = 0; read < maxLines; read += pageLines) {
    const page = await until(linesBefore(redis, log, cursor, pageLines), { signal, what: "the log of the conversation" });
    lines.push(...page.lines);
    cursor = page.cursor;
    const own = lines.findIndex(isOwn(id));
    const budget = new Budget(tokens);
    const isEnough = own >= 0 && !lines.slice(own + 1).every(({ text }) => budget.takes(text));
    if (!page.isFull || isEnough) break;
  }
  return lines.reverse();
};

/** Each answer behind its question: in the log it stands where it was written, which may be after later questions. Others stay. */
const inTurn = (lines: readonly LogLine[]): LogLine[] => {
  const questions = new Set(lines.filter(({ role }) => role === "user").map(({ id }) => id));
  const answers = lines.filter(({ id, to }) => questions.has(to) && id === `re:${to}`);
  const others = lines.filter((line) => !answers.includes(line));
  return others.flatMap((line) => [line, ...answers.filter(({ to }) => to === line.id)]);
};

const asTurn = ({ role, text }: LogLine): Turn => ({ role: role === "user" ? "user" : "assistant", content: text });

/**
 * The turns before the message, as many of the last ones as fit into `tokens`. Notices are left out, and so are the author's lines
 * behind the message, with their answers where the message is a replayed one. Rejects with Redis' error, and with the signal's reason.
 */
export const recollect = async (
  redis: RedisClient,
  { id, platform, channel }: Inbound,
  bounds: Bounds,
): Promise<Recollection> => {
  const lines = await readBack(redis, messageKeys(redis).log(platform, channel), id, bounds);
  const own = lines.findIndex(isOwn(id));
  const later = own < 0 ? [] : lines.slice(own + 1);
  const waiting = new Set(later.filter(({ role }) => role === "user").map(({ id }) => id));
  const isBefore = ({ role, id, to }: LogLine) => role !== "notice" && !waiting.has(id) && !waiting.has(to);
  const before = lines.filter((line, at) => at !== own && isBefore(line));
  const budget = new Budget(bounds.tokens);
  const newestFirst = inTurn(before).map(asTurn).reverse();
  const over = newestFirst.findIndex(({ content }) => !budget.takes(content));
  return { turns: newestFirst.slice(0, over < 0 ? undefined : over).reverse(), later };
};
