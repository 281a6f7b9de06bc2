/** The fleet's memory for any number of pages: each gets every row, then each change, at its own pace. */
import { every } from "../../clock.ts";
import { eventText } from "../../http/event-stream.ts";
import { DownServices } from "../../instances/down.ts";
import type { Row } from "../../instances/row.ts";
import { FleetLog, LogReader } from "./fleet-log.ts";
import { pageStates } from "./page-states.ts";
import type { WireCondition, WireEvent } from "./wire.ts";
import { wireRow } from "./wire-row.ts";

/** What the feed reads. */
export interface FeedSource {
  readonly model: {
    rows(): readonly Row[];
    /** since the last call */
    changed(): readonly Row[];
    /** names, since the last call */
    removed(): readonly string[];
  };
  onChange(listener: () => void): () => void;
  /** whether the model has what Redis has */
  readonly isCurrent: boolean;
  /** whether Redis did not answer when it was last read; false while the model is read for the first time */
  readonly isAway: boolean;
  /** by the clock of Redis */
  now(): number;
}

/** Where a reader's events go. */
export interface FeedSink {
  write(text: string): void;
  /** whether it takes more; if not, `resume` has to be called once it does */
  readonly hasRoom: boolean;
}

export interface Subscription {
  /** Sends what the sink has room for. Legal at any time. */
  resume(): void;
  end(): void;
}

/** characters of one write */
const pieceLength = 65_536;
/** ms between two `clock` events; a page without an event for several of them shows that its server does not answer. */
const clockMs = 1000;

/** why the rows are out of date, where nothing more is known */
const unreachable = "Redis does not answer.";

const text = (event: WireEvent): string => eventText({ data: event });

/** A position in the log, and where it is written to. */
class Reader {
  readonly #feed: FleetFeed;
  readonly #sink: FeedSink;
  #log: LogReader;
  /** whether all rows that were known at its beginning have been sent */
  #isComplete: boolean;

  constructor(feed: FleetFeed, sink: FeedSink, after: string | undefined) {
    this.#feed = feed;
    this.#sink = sink;
    this.#log = new LogReader(feed.log, after);
    this.#isComplete = this.#log.isResumed;
    sink.write(this.#log.isResumed ? feed.condition : feed.reset);
  }

  get hasRoom(): boolean {
    return this.#sink.hasRoom;
  }

  write(event: string): void {
    if (this.#isComplete) this.#sink.write(event);
  }

  resume(): void {
    if (this.#log.isLost) {
      this.#log = new LogReader(this.#feed.log, undefined);
      this.#isComplete = false;
      this.#sink.write(this.#feed.reset);
    }
    while (this.#sink.hasRoom) {
      const piece = this.#log.next(pieceLength);
      if (piece === "") break;
      this.#sink.write(piece);
    }
    if (this.#log.isAtEnd) this.#complete();
  }

  #complete(): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.#sink.write(this.#feed.condition);
  }
}

export class FleetFeed {
  readonly log = new FleetLog();
  readonly #readers = new Set<Reader>();
  readonly #down = new DownServices();
  /** the services that were sent as down last */
  #sentDown = "";
  #source: FeedSource | undefined;
  /** the condition that was sent last, without its time */
  #sent = "";
  /** whether the rows were up to date once */
  #isKnown = false;
  /** since when Redis does not answer, by its clock; 0 while it does */
  #awaySince = 0;
  /** why the rows are out of date */
  #message = unreachable;

  /** Whether anything that is put is sent. */
  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  /** Sends what the source has and every change of it until `signal` aborts. */
  follow(source: FeedSource, signal: AbortSignal): void {
    this.#source = source;
    const endings = [source.onChange(() => this.#take()), every(clockMs, () => this.#beat())];
    signal.addEventListener("abort", () => endings.forEach((end) => void end()), { once: true });
    this.#take();
  }

  /** Puts an event in place of the last one of that name, and sends it. */
  put(name: string, event: WireEvent): void {
    this.log.put(name, event, { isGone: event.type === "removed" });
    for (const reader of this.#readers) reader.resume();
  }

  /** Sets why the rows are out of date, for the next condition that is sent. */
  explain(message: string): void {
    this.#message = message;
  }

  /**
   * Sends `sink` everything that is known and each change from now on, in pieces, as it has room. With the id of an event, only what
   * came after it, if that is still known.
   */
  subscribe(sink: FeedSink, lastEventId?: string): Subscription {
    const reader = new Reader(this, sink, lastEventId);
    this.#readers.add(reader);
    reader.resume();
    return { resume: () => reader.resume(), end: () => void this.#readers.delete(reader) };
  }

  /** The first event of a reader that knows nothing. */
  get reset(): string {
    return text({ type: "reset", states: pageStates });
  }

  /** The event that states whether the rows are up to date. */
  get condition(): string {
    return text({ ...this.#condition, now: this.#source?.now() ?? 0 });
  }

  get #condition(): Omit<WireCondition, "now"> {
    const isCurrent = this.#source?.isCurrent ?? false;
    const message = this.#awaySince === 0 ? "" : this.#message;
    return { type: "condition", isCurrent, isKnown: this.#isKnown, awaySince: this.#awaySince, message };
  }

  #take(): void {
    const { model, isCurrent, isAway } = this.#source!;
    this.#isKnown ||= isCurrent;
    if (isCurrent) this.#awaySince = 0;
    else if (isAway && this.#awaySince === 0) this.#awaySince = this.#source!.now();
    for (const row of model.changed()) {
      this.log.put(row.name, { type: "row", row: wireRow(row) }, { isGone: false });
      this.#down.note(row);
    }
    for (const name of model.removed()) {
      this.log.put(name, { type: "removed", name }, { isGone: true });
      this.#down.remove(name);
    }
    this.#putDown();
    for (const reader of this.#readers) reader.resume();
    const sent = JSON.stringify(this.#condition);
    if (sent !== this.#sent) for (const reader of this.#readers) reader.write(this.condition);
    if (isCurrent) this.#message = unreachable;
    this.#sent = sent;
  }

  #putDown(): void {
    const services = this.#down.list();
    const down = services.map(({ last }) => last).join(" ");
    if (down !== this.#sentDown) this.log.put("down", { type: "down", services }, { isGone: false });
    this.#sentDown = down;
  }

  /** A reader without room gets no `clock`: it would arrive late. */
  #beat(): void {
    const clock = text({ type: "clock", now: this.#source!.now() });
    for (const reader of this.#readers) if (reader.hasRoom) reader.write(clock);
  }
}
