/**
 * Writes the journal of one boot. No call waits: what is noted in one turn of the event loop is sent as one message at its end, or some ms
 * later where a message was sent just before, over connections that others use too, and the answers are not awaited. While no connection
 * is ready messages wait, within a bound.
 */
import type { Clock } from "../clock.ts";
import { afterTurn, quietClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { withoutCommand } from "../redis/reason.ts";
import type { RegistryKeys } from "../registry/keys.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";
import type { BootEnd, JournalItem } from "./item.ts";
import { Outlet } from "./outlet.ts";
import { endScript } from "./scripts.ts";
import type { Author } from "./wire.ts";
import { itemsLimit, wireFields, wireItems } from "./wire.ts";

/** ms from a message to the next one: what happens meanwhile is one message, which costs Redis and the process as much as one turn */
const gapMs = 25;
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
  /** measures the gap between messages; its timers must not keep the process alive. Default: the system's */
  readonly clock?: Clock;
}

/** Whether each later write would fail too: the user may not write the journal, or its key has a value of another type. */
const isForGood = (error: unknown): boolean => /NOPERM|WRONGTYPE/.test(messageOf(error));

export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #clock: Clock;
  readonly #keys: RegistryKeys;
  readonly #outlet: Outlet;
  #turn: JournalItem[] = [];
  readonly #waiting: JournalItem[][] = [];
  #lost = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** `shut`: Redis has not passed the ping gate */
  #state: "shut" | "open" | "off" = "shut";

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? quietClock;
    this.#keys = registryKeys(options.redis);
    this.#outlet = new Outlet(options.redis);
  }

  /** Messages whose answer has not come: over that connection, or over all. */
  unanswered(client?: RedisClient): number {
    return this.#outlet.unanswered(client);
  }

  get isOn(): boolean {
    return this.#state === "open";
  }

  /** Adds an item to the next message. */
  note(item: JournalItem): void {
    if (this.#state === "off") return;
    if (!this.#outlet.isReady) afterTurn(() => this.flush());
    else if (this.#turn.length === 0) this.#flushWhenDue();
    if (this.#turn.length < turnLimit) this.#turn.push(item);
    if (this.#turn.length === itemsLimit) afterTurn(() => this.flush());
  }

  /** Sends what was noted. */
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

  /**
   * The items of the message that the delete of the entry writes: what was noted before, where that goes over the same connection, and how
   * the boot ends so far.
   */
  ending(end: BootEnd): string {
    const { now, redis } = this.#options;
    const before = this.#outlet.leadsTo(redis) ? this.#taken() : [];
    return this.#last([...before, { kind: "end", at: now(), ...end }]);
  }

  /** Counts a message that was not written; the next one has the count. */
  noteLost(): void {
    this.#lost += 1;
  }

  /** Sends the last message, which counts the stop, and ends the journal. Without a connection that is ready the message is not sent. */
  end(end: BootEnd, { place, field }: { readonly place: string; readonly field: string }): void {
    const { author, now } = this.#options;
    if (this.isOn && this.#outlet.isReady) {
      const last = this.#last([...this.#taken(), { kind: "end", at: now(), ...end }]);
      const { service, instance, boot } = author();
      const { journal, ends, ending, known } = this.#keys;
      const keys = [journal, ends, ending, known(service)];
      const args = [instance, boot, place, field, journalLength, ...wireFields(author(), last)];
      // nothing follows it that could count it as lost
      this.#outlet.run(endScript, keys, args).catch(() => {});
    }
    this.#close();
  }

  /** Keeps the recording of a failed stop. The close of the connection waits until it has been sent, within its own deadline. */
  keepFlight(json: string): void {
    if (!this.isOn || !this.#outlet.isReady) return;
    const { service, instance } = this.#options.author();
    this.#outlet.set("set", this.#keys.flight(service, instance), json, "PX", flightKeptMs).catch(() => {});
  }

  /** Sends the items but for those of the last message, and returns these. */
  #last(items: readonly JournalItem[]): string {
    const messages = wireItems(items, this.#options.now());
    const last = messages.pop()!;
    for (const before of messages) this.#send(before);
    return last;
  }

  /** At the end of this turn, or once the gap to the message before is over. */
  #flushWhenDue(): void {
    const gapLeft = (): number => this.#sentAt + gapMs - this.#clock.now();
    const flush = (): void => {
      if (this.#turn.length > 0) gapLeft() > 0 ? this.#flushWhenDue() : this.flush();
    };
    gapLeft() > 0 ? this.#clock.setTimeout(flush, gapLeft()) : afterTurn(flush);
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
    this.#sentAt = this.#clock.now();
    const fields = wireFields(this.#options.author(), items);
    this.#follow(this.#outlet.add("xadd", this.#keys.journal, "MAXLEN", "~", journalLength, "*", ...fields));
  }

  #follow(sent: Promise<void>): void {
    sent
      .catch((error: unknown) => {
        if (isForGood(error)) return this.turnOff(messageOf(withoutCommand(error)));
        this.noteLost();
      })
      .finally(this.#pump);
  }
}
