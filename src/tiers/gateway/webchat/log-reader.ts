/**
 * Shows the lines of a conversation to one client: each once, in the order of the log. It reads the log from the client's cursor, and on
 * where an answer was written: the lines before it may be messages of another page of the same conversation.
 */
import type { RedisClient } from "../../../redis/client.ts";
import type { LogLine } from "../../messages/lines.ts";
import { linesAfter } from "../../messages/lines.ts";
import type { Line } from "./frames.ts";

/** lines that are read at once; as JSON each has at most 96 KiB */
const chunk = 10;

export interface LogReaderOptions {
  readonly redis: RedisClient;
  /** the log's key */
  readonly log: string;
  /** the id of the last line that the client has */
  readonly after: string;
  readonly show: (line: Line) => void;
  /** Resolves once the client has taken what it was shown. */
  readonly taken: () => Promise<void>;
}

/** A line of a log as a client gets it. */
const frameOf = ({ cursor, id, role, to, text, at, by, attempts }: LogLine): Line => {
  const line = { id: cursor, role, message: id, to, text, at };
  return { type: "line", ...line, ...(by === undefined ? {} : { by }), ...(attempts === undefined ? {} : { attempts }) };
};

export class LogReader {
  readonly #options: LogReaderOptions;
  #cursor: string;
  #reading: Promise<void> | undefined;
  #hasMore = false;

  constructor(options: LogReaderOptions) {
    this.#options = options;
    this.#cursor = options.after;
  }

  /** Shows every line after the cursor. Resolves once the client has taken them. Rejects with Redis' error. */
  readOn(): Promise<void> {
    this.#hasMore = true;
    this.#reading ??= this.#read();
    return this.#reading;
  }

  /** The end is in the turn of the last look: a call that comes later finds nothing being read. */
  async #read(): Promise<void> {
    try {
      while (this.#hasMore) {
        this.#hasMore = false;
        await this.#readToEnd();
      }
    } finally {
      this.#reading = undefined;
    }
  }

  async #readToEnd(): Promise<void> {
    const { redis, log, show, taken } = this.#options;
    for (let isFull = true; isFull; ) {
      const page = await linesAfter(redis, log, this.#cursor, chunk);
      for (const line of page.lines) show(frameOf(line));
      this.#cursor = page.cursor ?? this.#cursor;
      isFull = page.isFull;
      await taken();
    }
  }
}
