// @ts-check
/** The chat: a WebSocket to one of the fleet's gateways; after it breaks, to one of those that are left. */
import { byId, make } from "../../../http/page/dom.js";
import { readObject } from "../../../http/page/json.js";
import { socketProtocols } from "../../../http/page/token.js";
import { gatewayUrl } from "./gateways.js";

/** @import { WebchatAnswer } from "../../gateway/webchat.ts" */
/** @typedef {{ [Type in WebchatAnswer["type"]]: (answer: Extract<WebchatAnswer, { type: Type }>) => void }} Handlers */

/** ms before the next attempt, from so much to twice as much more, so that pages do not connect in step */
const retryMs = 500;
const retrySpreadMs = 1500;

/** lines of the conversation that are kept, and accepted messages whose reply is awaited */
const maxLines = 500;

const form = /** @type {HTMLFormElement} */ (byId("say"));
const input = /** @type {HTMLInputElement} */ (byId("text"));

/** @type {WebSocket | undefined} */
let socket;
let retryAt = 0;
/** Accepted messages without a reply, by id. @type {Map<string, HTMLElement>} */
const accepted = new Map();
/** Messages that no gateway has accepted yet, in order. @type {HTMLElement[]} */
const sent = [];

/** @type {(text: string, className: string) => HTMLElement} */
const addLine = (text, className) => {
  const line = make("li", className, text);
  const lines = byId("messages");
  lines.append(line);
  while (lines.childElementCount > maxLines) lines.firstElementChild?.remove();
  line.scrollIntoView({ block: "nearest" });
  return line;
};

/** @type {(text: string, isOpen: boolean) => void} */
export const showState = (text, isOpen) => {
  byId("chat-state").textContent = text;
  for (const control of form.elements) /** @type {HTMLInputElement | HTMLButtonElement} */ (control).disabled = !isOpen;
};

/** @type {Handlers} */
const handlers = {
  welcome: ({ channel }) => {
    sessionStorage.setItem("channel", channel);
    showState("connected", true);
    input.focus();
  },
  accepted: ({ id }) => {
    const line = sent.shift();
    if (line !== undefined) accepted.set(id, line);
    const [oldest] = accepted.keys();
    if (accepted.size > maxLines) accepted.delete(/** @type {string} */ (oldest));
  },
  reply: ({ text, to }) => {
    accepted.get(to)?.classList.remove("waiting");
    accepted.delete(to);
    addLine(text, "theirs");
  },
  error: ({ message }) => {
    sent.shift()?.classList.remove("waiting");
    addLine(message, "note");
  },
};

/** @param {WebchatAnswer | undefined} answer */
const applyAnswer = (answer) => {
  if (answer === undefined) return;
  const handle = Object.hasOwn(handlers, answer.type) ? handlers[answer.type] : undefined;
  /** @type {((answer: WebchatAnswer) => void) | undefined} */ (handle)?.(answer);
};

const onClose = () => {
  socket = undefined;
  const waitMs = retryMs + Math.random() * retrySpreadMs;
  retryAt = performance.now() + waitMs;
  showState("reconnecting", false);
  for (const line of sent.splice(0)) line.classList.remove("waiting");
  setTimeout(connectChat, waitMs + 50);
};

/** Connects unless a connection is there or the last one broke a moment ago. Legal any number of times. */
export const connectChat = () => {
  if (socket !== undefined || performance.now() < retryAt) return;
  const url = gatewayUrl();
  if (url === undefined) return showState("waiting for a gateway", false);
  const channel = sessionStorage.getItem("channel");
  showState("connecting", false);
  socket = new WebSocket(channel === null ? url : `${url}?channel=${encodeURIComponent(channel)}`, socketProtocols);
  socket.addEventListener("message", ({ data }) => applyAnswer(readObject(data)));
  socket.addEventListener("close", onClose);
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (text === "" || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: "message", text }));
  sent.push(addLine(text, "mine waiting"));
  input.value = "";
});
