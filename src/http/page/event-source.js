// @ts-check
/** Reads an event stream, with the token, which a browser's `EventSource` cannot send. It connects anew by itself. */
import { authorization } from "./token.js";

/** @typedef {{ event: string, id: string | undefined, data: string }} StreamEvent */
/**
 * @typedef {object} Handlers
 * @property {(event: StreamEvent) => void} onEvent
 * @property {() => void} onLost each time that the stream ends, cannot be opened, or is no stream; it connects anew
 * @property {() => void} onRefused once: the token is missing or wrong
 */

/** characters of one event; longer than any that a server of ours sends */
const longest = 1_048_576;

/** An event has three fields of one line each; a comment has none. @param {string} block @returns {StreamEvent} */
const eventIn = (block) => {
  const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  return { event: fields.get("event") ?? "message", id: fields.get("id"), data: fields.get("data") ?? "" };
};

/** @param {Response} response @param {(event: StreamEvent) => void} onEvent */
const readEvents = async ({ body }, onEvent) => {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (body).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const blocks = (rest + decoder.decode(part.value, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    if (rest.length > longest) return void reader.cancel();
    for (const event of blocks.map(eventIn)) {
      if (event.data !== "") onEvent(event);
      // as from a browser's own: what observes the page sees each event
      await undefined;
    }
  }
};

/**
 * Follows the stream at the URL that `urlOf` gives for each connection, until the returned function is called or the server refuses.
 *
 * @param {() => string} urlOf
 * @param {Handlers} handlers
 * @param {number} retryMs
 */
export const followEvents = (urlOf, { onEvent, onLost, onRefused }, retryMs) => {
  const ending = new AbortController();
  const { signal } = ending;
  const connect = async () => {
    try {
      const response = await fetch(urlOf(), { headers: authorization, cache: "no-store", signal });
      if (response.status === 401) return onRefused();
      if (response.ok) await readEvents(response, onEvent);
    } catch {
      // a line that breaks is an ending like another
    }
    if (signal.aborted) return;
    onLost();
    setTimeout(connect, retryMs);
  };
  void connect();
  return () => ending.abort();
};
