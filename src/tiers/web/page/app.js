// @ts-check
/** Wires the page: the stream of the fleet in, the table and the chat out. */
import { connectChat } from "./chat.js";
import { applyEvent, drawFleet, showConnection } from "./fleet.js";

/** @import { FeedEvent } from "../fleet-feed.ts" */

const redrawMs = 5000;
const retryMs = 1000;

const follow = () => {
  const source = new EventSource("/api/fleet/events");
  source.addEventListener("message", ({ data }) => {
    applyEvent(/** @type {FeedEvent} */ (JSON.parse(data)));
    connectChat();
  });
  source.addEventListener("error", () => {
    showConnection("stale", "the page's server does not answer");
    // the browser connects anew by itself, except after an answer that is not a stream
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, retryMs);
  });
};

setInterval(drawFleet, redrawMs);
follow();
