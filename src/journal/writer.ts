/**
 * Writes the journal of one boot. No call waits: what is noted in one turn of the event loop is sent as one message at its end, over
 * connections that others use too, and the answers are not awaited. While no connection is ready messages wait, within a bound.
 */
import { afterTurn } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { withoutCommand } from "../redis/reason.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";
import type { BootEnd, JournalItem } from "./item.ts";
import { Outlet } from "./outlet.ts";
import { endScript } from "./scripts.ts";
import type { Author } from "./wire.ts";
import { wireFields, wireItems } from "./wire.ts";

/** turns that wait for a connection, and messages without an answer */
const waitingLimit = 64;
/** ms that the recording of a failed stop is kept: 7 days */
const flightKeptMs = 604_800_000;
/** items of one turn */
const turnLimit = 512;

export interface JournalWriterOptions {
  /** the registry's connection */
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
  readonly #outlet: Outlet;
  #turn: JournalItem[] = [];
  readonly #waiting: JournalItem[][] = [];
  #lost = 0;
  /** `shut`: Redis has not passed the ping gate */
  #state: "shut" | "open" | "off" = "shut";

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#key = registryKeys(options.redis).journal;
    this.#outlet = new Outlet(options.redis);
  }

  /** Messages whose answer has not come: over that connection, or over all. */
  unanswered(client?: RedisClient): number {
    return this.#outlet.unanswered(client);
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

  /**
   * Redis has passed the ping gate over the connection `gated`: from now on messages are sent. What waits goes with the next flush, at the
   * latest at the end of this turn.
   */
  open(gated: RedisClient): void {
    if (this.#state !== "shut") return;
    this.#state = "open";
    this.#outlet.open(gated);
    this.#options.redis.on("ready", this.#pump);
    afterTurn(this.#pump);
  }

  /** Nothing more is noted or sent. */
  turnOff(reason: string): void {
    if (this.#state === "off") return;
    this.#close();
    this.#options.onRefused(reason);
  }

  /** Sends the last message, which counts the stop, and ends the journal. Without a connection that is ready the message is not sent. */
  end(end: BootEnd, { place, field }: { readonly place: string; readonly field: string }): void {
    const { redis, author, now } = this.#options;
    if (this.isOn && this.#outlet.isReady) {
      this.note({ kind: "end", at: now(), ...end });
      const messages = wireItems(this.#taken(), now());
      const last = messages.pop() ?? "[]";
      for (const items of messages) this.#send(items);
      const { service, instance, boot } = author();
      const { journal, ends, ending, known } = registryKeys(redis);
      const keys = [journal, ends, ending, known(service)];
      const args = [instance, boot, place, field, journalLength, ...wireFields(author(), last)];
      this.#follow(this.#outlet.run(endScript, keys, args));
    }
    this.#close();
  }

  /** Keeps the recording of a failed stop. The close of the connection waits until it has been sent, within its own deadline. */
  keepFlight(json: string): void {
    const { redis, author } = this.#options;
    if (!this.isOn || !this.#outlet.isReady) return;
    const { service, instance } = author();
    this.#outlet.set("set", registryKeys(redis).flight(service, instance), json, "PX", flightKeptMs).catch(() => {});
  }

  #close(): void {
    this.#state = "off";
    this.#options.redis.off("ready", this.#pump);
    this.#turn = [];
    this.#waiting.length = 0;
  }

  readonly #pump = (): void => {
    const isWaiting = this.#waiting.length > 0;
    if (!(isWaiting && this.isOn && this.#outlet.isReady && this.unanswered() < waitingLimit)) return;
    for (const items of wireItems(this.#taken(), this.#options.now())) this.#send(items);
  };

  /** All items that wait, after the count of lost messages. */
  #taken(): JournalItem[] {
    const lost: JournalItem[] = this.#lost > 0 ? [{ kind: "lost", at: this.#options.now(), count: this.#lost }] : [];
    this.#lost = 0;
    return [...lost, ...this.#waiting.splice(0).flat(), ...this.#turn.splice(0)];
  }

  #send(items: string): void {
    const fields = wireFields(this.#options.author(), items);
    this.#follow(this.#outlet.add("xadd", this.#key, "MAXLEN", "~", journalLength, "*", ...fields));
  }

  #follow(sent: Promise<void>): void {
    sent
      .catch((error: unknown) => {
        if (isForGood(error)) return this.turnOff(messageOf(withoutCommand(error)));
        this.#lost += 1;
      })
      .finally(this.#pump);
  }
}
