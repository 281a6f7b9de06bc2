/** Hands what the service tells to Stately's page, in order, once that page is there. */

const origin = "https://stately.ai";
const frame = /** @type {HTMLIFrameElement} */ (document.getElementById("inspector"));
const waiting = [];
const maxWaiting = 1000;
let isThere = false;

const hand = (message) => frame.contentWindow.postMessage(message, origin);
const say = (text) => {
  document.getElementById("connection").textContent = text;
};

addEventListener("message", ({ source, data }) => {
  if (source !== frame.contentWindow || data?.type !== "@statelyai.connected") return;
  isThere = true;
  for (const message of waiting.splice(0)) hand(message);
});

const socket = new WebSocket(`ws://${location.host}`);
socket.addEventListener("open", () => say("connected to the service"));
socket.addEventListener("close", () => say("the service has stopped or is gone; this is what it told"));
socket.addEventListener("message", ({ data }) => {
  const message = JSON.parse(data);
  if (isThere) return hand(message);
  waiting.push(message);
  if (waiting.length > maxWaiting) waiting.shift();
});
