// @ts-check
/** The service's stream, resumed after the last record that the page has; a page whose service has ended waits for its next process. */
import { followEvents } from "../../http/page/event-source.js";
import { readObject } from "../../http/page/json.js";

/** @import { Picture } from "../picture.ts" */
/** @import { InspectionRecord } from "../records.ts" */
/** @import { Hello } from "../streams.ts" */
/** @typedef {"connecting" | "live" | "lost" | "ended" | "refused"} Connection */

const retryMs = 500;

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
  let hasEnded = false;

  /** By the name of an event. @type {Record<string, (data: any) => void>} */
  const handlers = {
    hello: (data) => {
      isReplayed = true;
      onHello(data);
    },
    record: (data) => onRecord(data, isReplayed),
    picture: (data) => {
      isReplayed = false;
      hasEnded = false;
      onPicture(data);
      onConnection("live");
    },
    end: () => {
      hasEnded = true;
      onConnection("ended");
    },
  };
  followEvents(
    () => `/events?after=${encodeURIComponent(lastEventId)}`,
    {
      onEvent: ({ event, id, data }) => {
        lastEventId = id ?? lastEventId;
        const value = readObject(data);
        if (value !== undefined && Object.hasOwn(handlers, event)) handlers[event]?.(value);
      },
      onLost: () => onConnection(hasEnded ? "ended" : "lost"),
      onRefused: () => onConnection("refused"),
    },
    retryMs,
  );
};
