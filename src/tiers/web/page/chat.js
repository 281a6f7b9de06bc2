// @ts-check
/** The chat on the page: shows the conversation of this tab, which a reload continues, and sends what its user writes. */
import { byId, make, setText } from "../../../http/page/dom.js";
import { duration } from "../../../http/page/format.js";
import { readObject } from "../../../http/page/json.js";
import { socketProtocols } from "../../../http/page/token.js";
import { ChatClient } from "./chat-client.js";
import { gatewayAt, gatewayUrl } from "./gateways.js";

/** @import { BusyReason, Line } from "../../gateway/webchat/frames.ts" */
/** @import { Kept, Socket, SocketEvents, Unsent } from "./chat-client.js" */

/** lines of the conversation that are shown */
const maxLines = 500;
/** where the session and the unsent lines of this tab are kept */
const storageKey = "stargazer.chat";

const form = /** @type {HTMLFormElement} */ (byId("say"));
const input = /** @type {HTMLInputElement} */ (byId("text"));
const lines = byId("messages");

/** the lines of the user that are not accepted yet; they stand below all others @type {Map<Unsent, HTMLElement>} */
const unsent = new Map();
/** messages without an answer, by id @type {Map<string, HTMLElement>} */
const waiting = new Map();
/** drafts that are shown, by the message that they answer @type {Map<string, HTMLElement>} */
const drafts = new Map();

/** when each message of this page was written and accepted, by its line @type {WeakMap<HTMLElement, { saidAt: number, acceptedAt: number }>} */
const times = new WeakMap();

/** The text of a line, and below it the way that it went. @type {(text: string, className: string) => HTMLElement} */
const createLine = (text, className) => make("li", className, make("p", "", text), make("div", "hop"));

/** @type {(line: HTMLElement, ...parts: (string | Node)[]) => void} */
const showWay = (line, ...parts) => line.lastElementChild?.replaceChildren(...parts);

/** @param {HTMLElement} line */
const add = (line) => {
  const [firstUnsent] = unsent.values();
  lines.insertBefore(line, line.classList.contains("unsent") ? null : (firstUnsent ?? null));
  while (lines.childElementCount > maxLines) lines.firstElementChild?.remove();
  // of the list alone: the page stays where its reader has it
  lines.scrollTop = lines.scrollHeight;
};

/** @type {(text: string, isOpen: boolean) => void} */
export const showState = (text, isOpen) => {
  setText(byId("chat-state"), text);
  // a field that is disabled loses the focus and what is being written
  for (const control of form.elements)
    if (control !== document.activeElement || isOpen)
      /** @type {HTMLInputElement | HTMLButtonElement} */ (control).disabled = !isOpen;
};

/** @param {string} id @param {HTMLElement} line */
const awaitAnswer = (id, line) => {
  waiting.set(id, line);
  const [oldest] = waiting.keys();
  if (waiting.size > maxLines) waiting.delete(/** @type {string} */ (oldest));
};

/** @param {string} to */
const settle = (to) => {
  drafts.get(to)?.remove();
  drafts.delete(to);
  waiting.get(to)?.classList.remove("waiting");
  waiting.delete(to);
};

/** The user's own line, which the log has: the place in its id is that of the line. @param {Line} line */
const findUnsent = ({ message }) => [...unsent.keys()].find(({ page, n }) => message.endsWith(`.${page}.${n}`));

/** @type {(line: Unsent, id: string) => void} */
const accept = (line, id) => {
  const element = unsent.get(line);
  unsent.delete(line);
  if (element === undefined) return;
  element.classList.remove("unsent");
  const time = times.get(element);
  if (time !== undefined) {
    time.acceptedAt = performance.now();
    showWay(element, `accepted in ${duration(time.acceptedAt - time.saidAt)}`);
  }
  add(element);
  awaitAnswer(id, element);
};

/** The way of an answer, as far as its line and this page know it. @type {(line: Line, asked: HTMLElement) => (string | Node)[]} */
const wayOf = (line, asked) => {
  const gateway = lastUrl === undefined ? "" : gatewayAt(lastUrl);
  const names = [gateway, line.by ?? "", gateway].filter((name) => name !== "");
  const time = times.get(asked);
  const took = time === undefined ? [] : [`${names.length > 0 ? "· " : ""}${duration(performance.now() - time.saidAt)}`];
  const tries = line.attempts === undefined || line.attempts < 2 ? [] : [`· attempt ${line.attempts}`];
  return [...names.flatMap((name, at) => (at === 0 ? [name] : ["→", name])), ...took, ...tries].map((part) =>
    make("span", "", part),
  );
};

/** @param {Line} line */
const showLine = (line) => {
  const { role, message, to, text } = line;
  if (role !== "user") {
    const asked = waiting.get(to);
    settle(to);
    const answer = createLine(text, role === "assistant" ? "theirs" : "notice");
    if (asked !== undefined) showWay(answer, ...wayOf(line, asked));
    add(answer);
    return;
  }
  const own = findUnsent(line);
  if (own !== undefined) return accept(own, message);
  if (waiting.has(message)) return;
  const element = createLine(text, "mine waiting");
  add(element);
  awaitAnswer(message, element);
};

/** @type {Readonly<Record<BusyReason, string>>} */
const busyWords = {
  rate: "slowly, please",
  address: "slowly, please",
  conversation: "waiting for answers",
  fleet: "busy",
  memory: "no room for messages",
  unavailable: "busy",
};

/** @type {Readonly<Record<string, string>>} */
const stateWords = {
  connecting: "connecting",
  catchingUp: "catching up",
  live: "connected",
  away: "reconnecting",
  refused: "open this page by its link",
};

/** the address of the gateway that the last socket was opened to @type {string | undefined} */
let lastUrl;

/** @type {(events: SocketEvents) => Socket} */
const open = ({ opened, frame, closed }) => {
  lastUrl = gatewayUrl(lastUrl);
  if (lastUrl === undefined) {
    queueMicrotask(() => closed("waiting for a gateway"));
    return { send: () => {}, close: () => {} };
  }
  const socket = new WebSocket(lastUrl, socketProtocols);
  socket.addEventListener("open", () => opened());
  socket.addEventListener("close", () => closed(""));
  socket.addEventListener("message", ({ data }) => {
    const value = readObject(data);
    if (typeof value?.type === "string") frame(value);
  });
  return {
    send: (value) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(value));
    },
    close: () => socket.close(1000),
  };
};

/** What a former load of this tab has kept, as far as it can be read. @returns {Kept | undefined} */
const read = () => {
  const kept = readObject(sessionStorage.getItem(storageKey));
  if (kept === undefined) return undefined;
  const { session, unsent: list } = kept;
  /** @param {any} line */
  const isLine = (line) => typeof line?.page === "string" && Number.isInteger(line.n) && typeof line.text === "string";
  return {
    ...(typeof session === "string" ? { session } : {}),
    unsent: Array.isArray(list) ? list.filter(isLine) : [],
  };
};

/** @param {Kept} kept */
const write = (kept) => {
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(kept));
  } catch {
    // a storage that is full or forbidden: a reload begins a new conversation
  }
};

const pageId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const client = new ChatClient(
  { open, read, write, pageId },
  {
    state: (state, why) => {
      const [name = ""] = state.split(".");
      showState(why !== "" && name !== "live" ? why : (stateWords[name] ?? name), name !== "refused");
    },
    line: showLine,
    unsent: (line) => {
      const element = createLine(line.text, "mine waiting unsent");
      unsent.set(line, element);
      times.set(element, { saidAt: performance.now(), acceptedAt: 0 });
      add(element);
    },
    accepted: accept,
    refused: (line, why) => {
      unsent.get(line)?.remove();
      unsent.delete(line);
      add(createLine(why, "notice"));
    },
    busy: (reason) => showState(busyWords[reason] ?? "busy", true),
    draft: (to, text) => {
      const shown = drafts.get(to) ?? createLine("", "theirs draft");
      setText(/** @type {Element} */ (shown.firstElementChild), text === "" ? "…" : text);
      if (!drafts.has(to)) add(shown);
      drafts.set(to, shown);
    },
  },
);

/** Connects, once a gateway is known. Legal any number of times. */
export const connectChat = () => {
  if (client.state !== "") return;
  if (gatewayUrl() === undefined) showState("waiting for a gateway", false);
  else client.start();
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (text === "") return;
  if (client.say(text)) input.value = "";
  else showState("too many messages are unsent", true);
});
