/** The connected pages: server-sent events, resumed where a page lost its connection. */
import type { FastifyReply } from "fastify";
import { EventStream, eventText } from "../http/event-stream.ts";
import type { InspectionRecord } from "./records.ts";

/** ms until a page connects anew */
const retryMs = 500;

export interface StreamSource {
  /** names one start of a service, so that a page never resumes in another */
  readonly session: string;
  after(seq: number): readonly InspectionRecord[];
  readonly newest: number;
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
   * Sends the records after `lastEventId` (all that are kept, for an id of another session), the picture, then each change. `hello` says
   * whether the page continues and how many records were dropped meanwhile.
   */
  add(reply: FastifyReply, lastEventId: string | undefined): void {
    const { session } = this.#source;
    const seen = this.#seqOf(lastEventId);
    const records = this.#source.after(seen ?? 0);
    const missed = (records[0]?.seq ?? this.#source.newest + 1) - (seen ?? 0) - 1;
    const stream = new EventStream(reply, { onClose: () => this.#streams.delete(stream) });
    const hello = eventText({ event: "hello", data: { session, resumed: seen !== undefined, missed } });
    stream.write(
      [`retry: ${retryMs}\n\n`, hello, ...records.map((record) => this.#recordText(record)), this.#pictureText()].join(""),
    );
    this.#streams.add(stream);
  }

  /** Sends a record at once, if there is one, and the picture when the turn is over: many records make one picture. */
  publish(record: InspectionRecord | undefined): void {
    if (this.#streams.size === 0) return;
    if (record !== undefined) this.#broadcast(this.#recordText(record));
    if (this.#pictureDue) return;
    this.#pictureDue = true;
    setImmediate(() => {
      this.#pictureDue = false;
      this.#broadcast(this.#pictureText());
    });
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
