/** Reads the journal: backwards from its end, then each new message. An invalid message is left out. */
import type { RedisClient } from "../redis/client.ts";
import { closeRedis, openBlockingConnection, whenReady } from "../redis/connection.ts";
import { msOfTime } from "../redis/time.ts";
import { registryKeys } from "../registry/keys.ts";
import { until } from "../until.ts";
import type { JournalEntry } from "./entry.ts";
import { parseMessage } from "./entry.ts";

type Message = readonly [id: Buffer, fields: readonly Buffer[]];

/** messages of one reply, at most some MB */
const batchSize = 500;
/** ms that a read waits for messages */
const blockMs = 1000;
const closeTimeoutMs = 1000;

export interface Backwards {
  /** messages that are read at most, invalid ones included */
  readonly limit: number;
  /** how far back, in ms by the clock of Redis */
  readonly sinceMs: number;
  readonly signal: AbortSignal;
}

export interface Follow {
  /** only messages after this id are read: that of the last known entry, or `0-0` for all */
  readonly after: string;
  readonly signal: AbortSignal;
  /** Called with the entries of each read, in order. If it throws, `follow` rejects with that error. */
  readonly onEntries: (entries: readonly JournalEntry[]) => void;
}

const entriesOf = (messages: readonly Message[]): JournalEntry[] =>
  messages.flatMap(([id, fields]) => parseMessage(id.toString(), fields) ?? []);

/** The exclusive end of a range: only messages before that id. */
const before = (id: string): string => `(${id}`;

export class JournalReader {
  readonly #redis: RedisClient;
  readonly #key: string;

  /** `redis` is used for short commands; it is never closed or reconfigured. */
  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#key = registryKeys(redis).journal;
  }

  /** The id of the newest message; `0-0` where there is none. */
  async end({ signal }: { readonly signal: AbortSignal }): Promise<string> {
    const [last] = await this.#range("+", 1, signal);
    return last?.[0].toString() ?? "0-0";
  }

  /**
   * The entries of the last `sinceMs`, at most the newest `limit`, oldest first. Rejects with the error of Redis, and with the signal's
   * reason when it aborts.
   */
  async backwards({ limit, sinceMs, signal }: Backwards): Promise<JournalEntry[]> {
    const time = await until(this.#redis.time(), { signal, what: "the time of Redis" });
    const oldest = Math.floor(msOfTime(time)) - sinceMs;
    const read: Message[] = [];
    let from = "+";
    while (read.length < limit) {
      const count = Math.min(batchSize, limit - read.length);
      const messages = await this.#range(from, count, signal);
      const wanted = messages.filter(([id]) => Number.parseInt(id.toString(), 10) >= oldest);
      read.push(...wanted);
      if (wanted.length < count) break;
      from = before(messages.at(-1)![0].toString());
    }
    return entriesOf(read.reverse());
  }

  /**
   * Calls `onEntries` with each new message, some ms after it was written, over a connection of its own. Resolves when the signal aborts, with that
   * connection closed. Rejects with the error of Redis.
   */
  async follow({ after, signal, onEntries }: Follow): Promise<void> {
    const blocking = openBlockingConnection(this.#redis, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
    let position = after;
    try {
      while (!signal.aborted) {
        await whenReady(blocking, { reopen: false, signal });
        const reply = blocking.xreadBuffer("COUNT", batchSize, "BLOCK", blockMs, "STREAMS", this.#key, position);
        const messages = messagesIn(await until(reply, { signal, what: "the journal" }));
        const entries = entriesOf(messages);
        if (entries.length > 0) onEntries(entries);
        position = messages.at(-1)?.[0].toString() ?? position;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await closeRedis(blocking, { signal: AbortSignal.timeout(closeTimeoutMs) });
    }
  }

  #range(from: string, count: number, signal: AbortSignal): Promise<readonly Message[]> {
    const reply = this.#redis.xrevrangeBuffer(this.#key, from, "-", "COUNT", count);
    return until(reply as Promise<unknown> as Promise<readonly Message[]>, { signal, what: "the journal" });
  }
}

const messagesIn = (reply: unknown): readonly Message[] => (reply as [Buffer, Message[]][] | null)?.[0]?.[1] ?? [];
