// @ts-check
/** Wires the page: the stream of the fleet in, the table and the chat out. */
import { followEvents } from "../../../http/page/event-source.js";
import { connectChat, showState } from "./chat.js";
import { applyEvent, drawFleet, showConnection, showWithheld } from "./fleet.js";
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

followEvents(
  () => "/api/fleet/events",
  {
    onEvent: ({ data }) => {
      applyEvent(JSON.parse(data));
      connectChat();
    },
    onLost: () => showConnection("stale", "the page's server does not answer"),
    onRefused: () => void chatAlone(),
  },
  retryMs,
);
setInterval(drawFleet, redrawMs);
