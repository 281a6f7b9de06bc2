/** Server-sent events: one answer that goes on. */
import type { ServerResponse } from "node:http";

/** what a reader may owe before it is given up; it comes back by itself and starts anew */
const maxOwedBytes = 1_048_576;
const keepAliveMs = 15_000;

export interface EventStreamOptions {
  /** ends the stream */
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  /** called with where to write; returns what ends the writing */
  readonly begin: (send: (event: object) => void) => () => void;
}

/** Writes events until the reader leaves or the signal aborts; then no timer and no listener is left. */
export const streamEvents = (response: ServerResponse, { signal, headers, begin }: EventStreamOptions): void => {
  response.writeHead(200, { ...headers, "content-type": "text/event-stream", "cache-control": "no-store" });
  const write = (text: string) => {
    if (response.writableLength > maxOwedBytes) response.destroy();
    else response.write(text);
  };
  const keepAlive = setInterval(() => write(": \n\n"), keepAliveMs);
  const stop = () => response.end();
  const end = begin((event) => write(`data: ${JSON.stringify(event)}\n\n`));
  response.once("close", () => {
    clearInterval(keepAlive);
    signal.removeEventListener("abort", stop);
    end();
  });
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
};
