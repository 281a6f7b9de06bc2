// @ts-check
/** The service's stream, for as long as there is one; resumed after the last record that the page has. */

/** @import { Picture } from "../picture.ts" */
/** @import { InspectionRecord } from "../records.ts" */
/** @import { Hello } from "../streams.ts" */
/** @typedef {"connecting" | "live" | "lost" | "ended"} Connection */

const retryMs = 1000;

/**
 * @param {{
 *   onHello(hello: Hello): void,
 *   onRecord(record: InspectionRecord, isReplayed: boolean): void,
 *   onPicture(picture: Picture): void,
 *   onConnection(connection: Connection): void,
 * }} handlers
 */
export const connect = ({ onHello, onRecord, onPicture, onConnection }) => {
  let lastEventId = "";
  let isReplayed = true;

  const open = () => {
    const source = new EventSource(`/events?after=${encodeURIComponent(lastEventId)}`);
    source.addEventListener("hello", ({ data }) => {
      isReplayed = true;
      onHello(JSON.parse(data));
    });
    source.addEventListener("record", (event) => {
      lastEventId = event.lastEventId;
      onRecord(JSON.parse(event.data), isReplayed);
    });
    source.addEventListener("picture", ({ data }) => {
      isReplayed = false;
      onPicture(JSON.parse(data));
      onConnection("live");
    });
    source.addEventListener("end", () => {
      source.close();
      onConnection("ended");
    });
    source.addEventListener("error", () => {
      onConnection("lost");
      // the browser connects anew by itself, except after an answer that is not a stream
      if (source.readyState === EventSource.CLOSED) setTimeout(open, retryMs);
    });
  };
  open();
};
