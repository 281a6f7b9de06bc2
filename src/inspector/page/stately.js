// @ts-check
/** Passes the service's messages to Stately's page, in order, once that page is there. */

import { readObject } from "../../http/page/json.js";
import { socketProtocols } from "../../http/page/token.js";

const origin = "https://stately.ai";
const maxQueued = 1000;
const frame = /** @type {HTMLIFrameElement} */ (document.getElementById("inspector"));
/** Messages for a page that is still loading. @type {object[]} */
const queue = [];
let isThere = false;

/** @param {object} message */
const pass = (message) => frame.contentWindow?.postMessage(message, origin);

/** @param {string} text */
const showConnection = (text) => {
  /** @type {HTMLElement} */ (document.getElementById("connection")).textContent = text;
};

addEventListener("message", ({ source, data }) => {
  if (source !== frame.contentWindow || data?.type !== "@statelyai.connected") return;
  isThere = true;
  for (const message of queue.splice(0)) pass(message);
});

const socket = new WebSocket(`ws://${location.host}`, socketProtocols);
let isOpened = false;
socket.addEventListener("open", () => {
  isOpened = true;
  showConnection("connected to the service");
});
socket.addEventListener("close", () =>
  showConnection(
    isOpened
      ? "the service has stopped or is gone; these are its last messages"
      : "the service is gone, or this page was not opened by the printed link, which has the token",
  ),
);
socket.addEventListener("message", ({ data }) => {
  const message = readObject(data);
  if (message === undefined) return;
  if (isThere) return pass(message);
  queue.push(message);
  if (queue.length > maxQueued) queue.shift();
});
