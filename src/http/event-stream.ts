/** Server-sent events: one answer that goes on until its reader leaves or the server ends it. */
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import { every } from "../clock.ts";

/** bytes that a reader may leave unread; past them it is disconnected, and its browser connects anew */
const maxUnreadBytes = 1_048_576;
/** bytes that a paced sender leaves unread before it waits for its reader */
const pacedBytes = 65_536;
const keepAliveMs = 15_000;

export interface StreamEvent {
  readonly data: object;
  /** its name; without one a browser emits `message` */
  readonly event?: string;
  /** what the browser sends as `Last-Event-ID` when it connects anew */
  readonly id?: string;
}

export interface EventStreamOptions {
  /** Ends the stream; default never. */
  readonly signal?: AbortSignal;
  /** Called once, when the connection has ended for any reason. */
  readonly onClose: () => void;
  /** Called whenever the reader has taken all that was written; default never. */
  readonly onDrain?: () => void;
}

/** An event in the format of `text/event-stream`. */
export const eventText = ({ data, event, id }: StreamEvent): string =>
  `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;

export class EventStream {
  readonly #response: ServerResponse;
  /** whether nothing was taken since the last beat although something was there */
  #isStalled = false;

  /** Takes the answer from Fastify and sends its headers. */
  constructor(reply: FastifyReply, { signal, onClose, onDrain = () => {} }: EventStreamOptions) {
    const response = reply.hijack().raw;
    this.#response = response;
    const headers = reply.getHeaders() as Record<string, string>;
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
    response.flushHeaders();
    const endKeepAlive = every(keepAliveMs, () => this.#beat());
    const end = () => this.end();
    // a reader that disconnects is no error
    response.on("error", () => {});
    response.on("drain", () => {
      this.#isStalled = false;
      onDrain();
    });
    response.once("close", () => {
      endKeepAlive();
      signal?.removeEventListener("abort", end);
      onClose();
    });
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted) end();
    this.#endWithReader();
  }

  /** A reader that ends its side of the connection has left: a write would find out only at the next beat. */
  #endWithReader(): void {
    const { socket } = this.#response;
    if (socket?.readableEnded) this.#response.destroy();
    else socket?.once("end", () => this.#response.destroy());
  }

  /** Writes text that is in the format already. After the end without effect. */
  write(text: string): void {
    if (this.#response.writableLength > maxUnreadBytes) this.#response.destroy();
    else if (!this.#response.writableEnded && !this.#response.destroyed) this.#response.write(text);
  }

  /** Whether a paced sender may write more; if not, `onDrain` follows. False after the end. */
  get hasRoom(): boolean {
    const { writableEnded, destroyed, writableNeedDrain, writableLength } = this.#response;
    return !writableEnded && !destroyed && !writableNeedDrain && writableLength < pacedBytes;
  }

  /** A reader that took nothing between two beats is disconnected: a paced sender would wait for it without end. */
  #beat(): void {
    if (this.#isStalled) return void this.#response.destroy();
    this.#isStalled = this.#response.writableNeedDrain;
    this.write(": \n\n");
  }

  /** Ends the answer, with a last text in the format if there is one. */
  end(text = ""): void {
    this.#response.end(text);
  }
}
