/** The pages that look on: server-sent events, resumed where a page lost its connection. */
import type { ServerResponse } from "node:http";
import type { InspectionRecord } from "./records.ts";

/** what a page may owe before it is given up; it comes back by itself and resumes */
const maxOwedBytes = 1_048_576;
const keepAliveMs = 15_000;
/** when a page tries again */
const retryMs = 500;

export interface StreamSource {
  /** tells one start of a service from the next, so that a page never resumes in the wrong one */
  readonly session: string;
  after(seq: number): readonly InspectionRecord[];
  readonly newest: number;
  picture(): object;
}

const frame = (event: string, data: object, id?: string): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

export class PageStreams {
  readonly #source: StreamSource;
  readonly #responses = new Set<ServerResponse>();
  #pictureDue = false;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#responses.size;
  }

  /**
   * Sends what came after `lastEventId` (all there is, for one that is not of this session), then the picture, then what happens.
   * `hello` says whether to begin anew and how many records the ring has dropped meanwhile. Leaves nothing behind when the page goes.
   */
  add(response: ServerResponse, lastEventId: string | undefined, headers: Readonly<Record<string, string>>): void {
    const { session } = this.#source;
    const seen = this.#seqOf(lastEventId);
    const records = this.#source.after(seen ?? 0);
    const missed = (records[0]?.seq ?? this.#source.newest + 1) - (seen ?? 0) - 1;
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
    const hello = frame("hello", { session, resumed: seen !== undefined, missed });
    response.write(
      [`retry: ${retryMs}\n\n`, hello, ...records.map((record) => this.#recordFrame(record)), this.#picture()].join(""),
    );
    const keepAlive = setInterval(() => this.#write(response, ": \n\n"), keepAliveMs);
    keepAlive.unref();
    this.#responses.add(response);
    // a page that has gone is no error of the service's
    response.on("error", () => {});
    response.once("close", () => {
      clearInterval(keepAlive);
      this.#responses.delete(response);
    });
  }

  /** A record at once, the picture once the turn is over: many records make one picture. */
  tell(record: InspectionRecord | undefined): void {
    if (this.#responses.size === 0) return;
    if (record !== undefined) this.#broadcast(this.#recordFrame(record));
    if (this.#pictureDue) return;
    this.#pictureDue = true;
    setImmediate(() => {
      this.#pictureDue = false;
      this.#broadcast(this.#picture());
    });
  }

  /** The last picture, and a word that no more will come. */
  end(): void {
    for (const response of this.#responses) response.end(`${this.#picture()}${frame("end", {})}`);
    this.#responses.clear();
  }

  #seqOf(lastEventId: string | undefined): number | undefined {
    const [session, seq] = lastEventId?.split(".") ?? [];
    const number = Number(seq);
    return session === this.#source.session && Number.isSafeInteger(number) && number <= this.#source.newest ? number : undefined;
  }

  #recordFrame(record: InspectionRecord): string {
    return frame("record", record, `${this.#source.session}.${record.seq}`);
  }

  #picture(): string {
    return frame("picture", this.#source.picture());
  }

  #broadcast(text: string): void {
    for (const response of this.#responses) this.#write(response, text);
  }

  #write(response: ServerResponse, text: string): void {
    if (response.writableLength > maxOwedBytes) response.destroy();
    else if (!response.destroyed) response.write(text);
  }
}
