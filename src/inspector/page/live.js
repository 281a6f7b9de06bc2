/** The stream of the service, for as long as there is one; resumed after the last record that was seen. */

const retryMs = 1000;

/**
 * @param {{
 *   onHello(hello: { session: string, resumed: boolean, missed: number }): void,
 *   onRecord(record: object, isReplayed: boolean): void,
 *   onPicture(picture: object): void,
 *   onConnection(connection: "connecting" | "live" | "lost" | "ended"): void,
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
      // the browser tries again by itself, unless it was answered something that is no stream
      if (source.readyState === EventSource.CLOSED) setTimeout(open, retryMs);
    });
  };
  open();
};
