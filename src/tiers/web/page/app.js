// @ts-check
/** Wires the page: the stream of the fleet in, the table and the chat out. */
import { followEvents } from "../../../http/page/event-source.js";
import { readObject } from "../../../http/page/json.js";
import { connectChat, showState } from "./chat.js";
import { afterDrawing, applyEvent, redrawFleet, showConnection, showWithheld } from "./fleet.js";
import { loadGateways } from "./gateways.js";

const redrawMs = 5000;
const retryMs = 1000;
/** ms between two looks for gateways, where the fleet is not shown */
const lookMs = 5000;

/** Without the token there is no list of services; a chat that is public goes on without it. */
const chatAlone = async () => {
  const isPublic = await loadGateways();
  showWithheld(isPublic);
  if (!isPublic) return showState("open this page by its link", false);
  connectChat();
  setTimeout(chatAlone, lookMs);
};

/** of the last event that had an id: a new connection goes on behind it */
let lastEventId = "";
afterDrawing(connectChat);
followEvents(
  () => `/api/fleet/events?after=${encodeURIComponent(lastEventId)}`,
  {
    onEvent: ({ id, data }) => {
      lastEventId = id ?? lastEventId;
      const event = readObject(data);
      if (event !== undefined) applyEvent(event);
    },
    onLost: () => showConnection("stale", "the page's server does not answer"),
    onRefused: () => void chatAlone(),
  },
  retryMs,
);
setInterval(redrawFleet, redrawMs);
