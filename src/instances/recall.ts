/** Reads the journal of the last day and then each new entry, without a gap: after a failure it continues after the last entry. */
import type { JournalEntry } from "../journal/entry.ts";
import { JournalReader } from "../journal/reader.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import { journalLength } from "../registry/keys.ts";
import { keptMs } from "./kept.ts";

/** entries that are passed on in one turn of the event loop */
const pieceSize = 500;
const retryMs = 500;

export interface Recall {
  readonly redis: RedisClient;
  readonly signal: AbortSignal;
  readonly onEntries: (entries: readonly JournalEntry[]) => void;
  /** called when reading fails */
  readonly onFailed: (error: unknown) => void;
  /** called once all earlier entries have been passed on, after each failure too */
  readonly onFollowing: () => void;
}

const partsOf = (id: string): readonly [ms: bigint, sequence: bigint] => {
  const [ms = "0", sequence = "0"] = id.split("-");
  return [BigInt(ms), BigInt(sequence)];
};

/** Whether `a` is an earlier id than `b`. */
const isBefore = (a: string, b: string): boolean => {
  const [[ms, sequence], [otherMs, otherSequence]] = [partsOf(a), partsOf(b)];
  return ms < otherMs || (ms === otherMs && sequence < otherSequence);
};

export class JournalRecall {
  readonly #options: Recall;
  readonly #reader: JournalReader;
  /** of the last entry that was passed on */
  #last: string | undefined;
  /** ends the read under way */
  #cut = new AbortController();

  constructor(options: Recall) {
    this.#options = options;
    this.#reader = new JournalReader(options.redis);
  }

  /** Resolves when the signal aborts. */
  async run(): Promise<void> {
    const { signal, onFailed } = this.#options;
    signal.addEventListener("abort", () => this.restart(), { once: true });
    while (!signal.aborted) {
      this.#cut = new AbortController();
      try {
        await this.#read(this.#cut.signal);
      } catch (error) {
        if (signal.aborted) return;
        onFailed(error);
      }
      await pause(retryMs, { signal });
    }
  }

  /** Ends the read under way; the next one continues after the last entry. For a Redis that does not answer. */
  restart(): void {
    this.#cut.abort();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { onFollowing } = this.#options;
    if (this.#last === undefined) await this.#begin(signal);
    // a Redis that was replaced has another journal, whose ids may be lower: it is read from its beginning
    else if (isBefore(await this.#reader.end({ signal }), this.#last)) this.#last = "0-0";
    onFollowing();
    await this.#reader.follow({ after: this.#last!, signal, onEntries: (entries) => this.#take(entries) });
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const end = await this.#reader.end({ signal });
    const entries = await this.#reader.backwards({ limit: journalLength, sinceMs: keptMs, signal });
    for (let at = 0; at < entries.length; at += pieceSize) {
      this.#take(entries.slice(at, at + pieceSize));
      await pause(0, { signal });
    }
    this.#last ??= end;
  }

  #take(entries: readonly JournalEntry[]): void {
    this.#last = entries.at(-1)!.id;
    this.#options.onEntries(entries);
  }
}
