/**
 * Writes the journal of one boot. No call waits: what is noted in one turn of the event loop is sent as one message at its end, over a
 * connection that others use too, and the answers are not awaited. While that connection is away messages wait, within a bound.
 */
import { afterTurn } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { withoutCommand } from "../redis/reason.ts";
import { runScript } from "../redis/script.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";
import type { Goodbye, JournalItem } from "./item.ts";
import { endScript } from "./scripts.ts";
import type { Author } from "./wire.ts";
import { wireFields, wireItems } from "./wire.ts";

/** turns that wait for the connection, and messages without an answer */
const waitingLimit = 64;
/** ms that the recording of a failed stop is kept: 7 days */
const flightKeptMs = 604_800_000;
/** items of one turn */
const turnLimit = 512;

export interface JournalWriterOptions {
  readonly redis: RedisClient;
  readonly author: () => Author;
  /** the clock of the `at` of each item */
  readonly now: () => number;
  /** called once, with the reason, where Redis refuses each message for good */
  readonly onRefused: (reason: string) => void;
}

/** Whether each later write would fail too: the user may not write the journal, or its key has a value of another type. */
const isForGood = (error: unknown): boolean => /NOPERM|WRONGTYPE/.test(messageOf(error));

export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #key: string;
  #turn: JournalItem[] = [];
  readonly #waiting: JournalItem[][] = [];
  #lost = 0;
  #unanswered = 0;
  /** `shut`: Redis has not passed the ping gate */
  #state: "shut" | "open" | "off" = "shut";

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#key = registryKeys(options.redis).journal;
  }

  /** Messages whose answer has not come. */
  get unanswered(): number {
    return this.#unanswered;
  }

  get isOn(): boolean {
    return this.#state === "open";
  }

  /** Adds an item to the message of this turn. */
  note(item: JournalItem): void {
    if (this.#state === "off") return;
    if (this.#turn.length === 0) afterTurn(() => this.flush());
    if (this.#turn.length < turnLimit) this.#turn.push(item);
  }

  /** Sends the items of this turn so far. */
  flush(): void {
    if (this.#turn.length === 0) return;
    this.#waiting.push(this.#turn);
    this.#turn = [];
    if (this.#waiting.length > waitingLimit) {
      this.#waiting.shift();
      this.#lost += 1;
    }
    this.#pump();
  }

  /** Redis has passed the ping gate: from now on messages are sent while the connection is ready. */
  open(): void {
    if (this.#state !== "shut") return;
    this.#state = "open";
    this.#options.redis.on("ready", this.#pump);
    this.#pump();
  }

  /** Nothing more is noted or sent. */
  turnOff(reason: string): void {
    if (this.#state === "off") return;
    this.#close();
    this.#options.onRefused(reason);
  }

  /** Sends the last message, which counts the stop, and ends the journal. Without a connection that is ready the message is not sent. */
  end(goodbye: Goodbye, { place, field }: { readonly place: string; readonly field: string }): void {
    const { redis, author, now } = this.#options;
    const isSent = this.isOn && redis.status === "ready";
    if (isSent) {
      this.note({ kind: "goodbye", at: now(), ...goodbye });
      const messages = wireItems(this.#taken(), now());
      const last = messages.pop() ?? "[]";
      for (const items of messages) this.#send(() => redis.xadd(...this.#arguments(items)));
      const { service, instance, boot } = author();
      const { journal, ends, ending, known } = registryKeys(redis);
      const keys = [journal, ends, ending, known(service)];
      const args = [instance, boot, place, field, journalLength, ...wireFields(author(), last)];
      this.#send(() => runScript(redis, endScript, { keys, args }));
    }
    this.#close();
  }

  /** Keeps the recording of a failed stop. The close of the connection waits until it has been sent, within its own deadline. */
  keepFlight(json: string): void {
    const { redis, author } = this.#options;
    if (!this.isOn || redis.status !== "ready") return;
    const { service, instance } = author();
    redis.set(registryKeys(redis).flight(service, instance), json, "PX", flightKeptMs).catch(() => {});
  }

  #close(): void {
    this.#state = "off";
    this.#options.redis.off("ready", this.#pump);
    this.#turn = [];
    this.#waiting.length = 0;
  }

  readonly #pump = (): void => {
    const { redis, now } = this.#options;
    const isWaiting = this.#waiting.length > 0;
    if (!(isWaiting && this.isOn && redis.status === "ready" && this.#unanswered < waitingLimit)) return;
    for (const items of wireItems(this.#taken(), now())) this.#send(() => redis.xadd(...this.#arguments(items)));
  };

  /** All items that wait, after the count of lost messages. */
  #taken(): JournalItem[] {
    const lost: JournalItem[] = this.#lost > 0 ? [{ kind: "lost", at: this.#options.now(), count: this.#lost }] : [];
    this.#lost = 0;
    return [...lost, ...this.#waiting.splice(0).flat(), ...this.#turn.splice(0)];
  }

  #arguments(items: string): [string, "MAXLEN", "~", number, "*", ...string[]] {
    return [this.#key, "MAXLEN", "~", journalLength, "*", ...wireFields(this.#options.author(), items)];
  }

  #send(send: () => Promise<unknown>): void {
    this.#unanswered += 1;
    send()
      .catch((error: unknown) => {
        if (isForGood(error)) return this.turnOff(messageOf(withoutCommand(error)));
        this.#lost += 1;
      })
      .finally(() => {
        this.#unanswered -= 1;
        this.#pump();
      });
  }
}
