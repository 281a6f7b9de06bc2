/** The connected pages: server-sent events, resumed where a page lost its connection. */
import type { FastifyReply } from "fastify";
import type { StateWords } from "../../machines/index.ts";
import { systemClock } from "../clock.ts";
import { EventStream, eventText } from "../http/event-stream.ts";
import type { DrawnChart } from "./picture.ts";
import type { InspectionRecord } from "./records.ts";

/** ms until a page connects anew */
const retryMs = 500;

/** The first event of each connection. */
export interface Hello {
  /** names one start of a service */
  readonly session: string;
  /** whether the records that follow continue those that the page has */
  readonly resumed: boolean;
  /** records that were dropped before they could be sent */
  readonly missed: number;
  readonly states: StreamSource["states"];
}

export interface StreamSource {
  /** names one start of a service, so that a page never resumes in another */
  readonly session: string;
  after(seq: number): readonly InspectionRecord[];
  readonly newest: number;
  readonly states: Readonly<Record<DrawnChart, readonly StateWords[]>>;
  picture(): object;
}

export class PageStreams {
  readonly #source: StreamSource;
  readonly #streams = new Set<EventStream>();
  #pictureDue = false;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  /**
   * Sends `hello`, the records after `lastEventId` (all that are kept, for an id of another session), the picture, then each change.
   */
  add(reply: FastifyReply, lastEventId: string | undefined): void {
    const { session } = this.#source;
    const seen = this.#seqOf(lastEventId);
    const records = this.#source.after(seen ?? 0);
    const missed = (records[0]?.seq ?? this.#source.newest + 1) - (seen ?? 0) - 1;
    const stream = new EventStream(reply, { onClose: () => this.#streams.delete(stream) });
    const hello: Hello = { session, resumed: seen !== undefined, missed, states: this.#source.states };
    const texts = [eventText({ event: "hello", data: hello }), ...records.map((record) => this.#recordText(record))];
    stream.write([`retry: ${retryMs}\n\n`, ...texts, this.#pictureText()].join(""));
    this.#streams.add(stream);
  }

  /** Sends a record at once, if there is one, and the picture when the turn is over: many records make one picture. */
  publish(record: InspectionRecord | undefined): void {
    if (this.#streams.size === 0) return;
    if (record !== undefined) this.#broadcast(this.#recordText(record));
    if (this.#pictureDue) return;
    this.#pictureDue = true;
    systemClock.setTimeout(() => {
      this.#pictureDue = false;
      this.#broadcast(this.#pictureText());
    }, 0);
  }

  /** Sends the last picture and ends every stream. */
  end(): void {
    for (const stream of this.#streams) stream.end(`${this.#pictureText()}${eventText({ event: "end", data: {} })}`);
    this.#streams.clear();
  }

  #seqOf(lastEventId: string | undefined): number | undefined {
    const [session, seq] = lastEventId?.split(".") ?? [];
    const number = Number(seq);
    return session === this.#source.session && Number.isSafeInteger(number) && number <= this.#source.newest ? number : undefined;
  }

  #recordText(record: InspectionRecord): string {
    return eventText({ event: "record", id: `${this.#source.session}.${record.seq}`, data: record });
  }

  #pictureText(): string {
    return eventText({ event: "picture", data: this.#source.picture() });
  }

  #broadcast(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }
}
