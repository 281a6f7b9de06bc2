/**
 * Follows the answers of a platform as they are written, on a connection of its own. There is no group: every gateway reads every
 * answer and shows those whose page it holds, so no gateway needs to know of another. After a failure or a freeze it goes on where it
 * was; where the stream has been trimmed beyond that, it says so.
 */
import { systemClock } from "../../../clock.ts";
import { messageOf } from "../../../errors.ts";
import type { WordedLogger } from "../../../logger.ts";
import { pause } from "../../../pause.ts";
import type { RedisClient } from "../../../redis/client.ts";
import { openBlockingConnection } from "../../../redis/connection.ts";
import { maxBlockMs } from "../../../redis/roles.ts";
import type { RawFields } from "../../../streams/fields.ts";
import { until } from "../../../until.ts";
import type { Outbound } from "../../messages/envelope.ts";
import { parseOutbound } from "../../messages/envelope.ts";
import { firstId, isLater } from "./line-id.ts";

const chunk = 500;
/** default of `silentMs`: far longer than a read, far shorter than entries are kept */
const defaultSilentMs = 10_000;
const longestPauseMs = 2000;

export interface TailOptions {
  readonly redis: RedisClient;
  /** the stream's key */
  readonly stream: string;
  readonly log: WordedLogger;
  readonly onAnswer: (answer: Outbound) => void;
  /** answers may have been trimmed unread: the logs have them */
  readonly onGap: () => void;
  /** ms without a reply of Redis after which answers may have been trimmed unread. Default 10000 */
  readonly silentMs?: number;
}

export class Tail {
  readonly #options: TailOptions;
  readonly #blocking: RedisClient;
  readonly #ended = new AbortController();
  #begin: () => void = () => {};
  /** Resolves once every answer that is written from then on will be read. */
  readonly begun: Promise<void> = new Promise((resolve) => {
    this.#begin = resolve;
  });
  #from: string | undefined;
  /** when Redis last replied, by the monotonic clock */
  #repliedAt = 0;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#blocking = openBlockingConnection(options.redis);
  }

  /** Reads until `close`. A failure of Redis is logged and waited out. Never rejects. Call it once per tail. */
  async run(): Promise<void> {
    const { signal } = this.#ended;
    const { log } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#pass();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        const reason = messageOf(error);
        log[failures === 0 ? "warn" : "debug"]({ type: "answers.troubled", reason }, `answers cannot be read: ${reason}`);
        failures += 1;
        await pause(Math.random() * Math.min(longestPauseMs, 50 * 2 ** Math.min(failures, 6)), { signal });
      }
    }
  }

  /** Ends the reading and its connection. Legal any number of times. */
  close(): void {
    this.#ended.abort();
    this.#blocking.disconnect();
  }

  async #pass(): Promise<void> {
    const { stream, onGap, silentMs = defaultSilentMs } = this.#options;
    this.#from ??= await this.#first();
    const reading = this.#blocking.xreadBuffer("COUNT", chunk, "BLOCK", maxBlockMs, "STREAMS", stream, this.#from);
    const found = (await this.#until(reading)) as [Buffer, [Buffer, RawFields][]][] | null;
    // a read that was sent again after a freeze has been silent too
    const isSilent = systemClock.now() - this.#repliedAt > silentMs;
    if (isSilent && (await this.#isTrimmed(this.#from))) onGap();
    this.#repliedAt = systemClock.now();
    for (const [id, fields] of found?.[0]?.[1] ?? []) {
      this.#from = id.toString();
      this.#take(fields, this.#from);
    }
  }

  #take(fields: RawFields, entry: string): void {
    const parsed = parseOutbound(fields);
    const { onAnswer, log } = this.#options;
    if (parsed.ok) onAnswer(parsed.value);
    else log.warn({ type: "answer.refused", entry, reason: parsed.reason }, `answer ${entry} is not shown: ${parsed.reason}`);
  }

  /** Begins behind the last answer. */
  async #first(): Promise<string> {
    const { redis, stream } = this.#options;
    const last = await this.#until(redis.xrevrange(stream, "+", "-", "COUNT", 1));
    this.#repliedAt = systemClock.now();
    this.#begin();
    return last[0]?.[0] ?? firstId;
  }

  /** Whether the oldest entry is behind the last one that was read: entries between the two may have been trimmed. */
  async #isTrimmed(from: string): Promise<boolean> {
    const { redis, stream } = this.#options;
    const oldest = await this.#until(redis.xrange(stream, "-", "+", "COUNT", 1));
    const id = oldest[0]?.[0];
    return id === undefined || isLater(id, from);
  }

  /** a connection that ends while it reconnects never settles what is queued on it */
  #until<T>(reply: Promise<T>): Promise<T> {
    return until(reply, { signal: this.#ended.signal, what: "answers" });
  }
}
