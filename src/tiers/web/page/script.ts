/** The page's program: plain JavaScript, no library. Text from outside becomes text nodes only. */
export const script = `const $ = (id) => document.getElementById(id);
const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};

/* ---- the fleet ---- */
const fleet = new Map();
const nameOf = ({ service, instance }) => service + ":" + instance;

const live = (state, text) => {
  $("live").className = "live " + state;
  $("live-text").textContent = text;
};
const beat = () => {
  $("live").classList.remove("beat");
  requestAnimationFrame(() => $("live").classList.add("beat"));
};

const since = (at) => {
  const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
  if (seconds < 60) return seconds + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  return Math.floor(seconds / 3600) + " h " + Math.floor((seconds % 3600) / 60) + " min";
};

const statusCell = (status) => {
  const cell = element("td", undefined, status);
  const dot = element("span", undefined, "dot");
  dot.setAttribute("aria-hidden", "true");
  cell.append(dot, status);
  return cell;
};

const rowOf = (entry) => {
  const row = element("tr", undefined, entry.gone ? "gone" : "");
  row.dataset.service = entry.service;
  row.dataset.status = entry.gone || entry.status;
  const instance = element("td", entry.instance, "instance");
  instance.title = entry.instance;
  const health = entry.health ? entry.health.host + ":" + entry.health.port : "none";
  row.append(element("td", entry.service), instance, statusCell(entry.gone || entry.status), element("td", since(entry.since)));
  row.append(element("td", entry.host + " · " + entry.pid), element("td", health));
  return row;
};

const draw = () => {
  const entries = [...fleet.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const living = entries.filter(({ gone }) => !gone);
  $("fleet").replaceChildren(...entries.map(rowOf));
  $("empty").hidden = entries.length > 0;
  $("count").textContent = living.length + " live";
};

const forget = (entry) => {
  if (fleet.get(nameOf(entry)) !== entry) return;
  fleet.delete(nameOf(entry));
  draw();
};

const leave = (entry, gone) => {
  const left = { ...entry, gone, since: Date.now() };
  fleet.set(nameOf(entry), left);
  setTimeout(forget, 10000, left);
};

const told = {
  reset: () => fleet.clear(),
  registered: ({ entry }) => fleet.set(nameOf(entry), entry),
  updated: ({ entry }) => fleet.set(nameOf(entry), entry),
  deregistered: ({ entry }) => leave(entry, "stopped"),
  expired: ({ entry }) => leave(entry, "expired"),
  stale: ({ message }) => live("stale", message),
  synced: () => live("on", "live"),
};

const follow = () => {
  const source = new EventSource("/api/fleet/events");
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (Object.hasOwn(told, event.type)) told[event.type](event);
    beat();
    draw();
    connect();
  };
  source.onerror = () => live("stale", "the page's server does not answer");
};
setInterval(draw, 5000);

/* ---- the chat ---- */
let socket;
let retryAt = 0;
const sent = new Map();
const unconfirmed = [];

const note = (text, className) => {
  const line = element("li", text, className);
  $("messages").append(line);
  line.scrollIntoView({ block: "nearest" });
  return line;
};

const chatState = (text, open) => {
  $("chat-state").textContent = text;
  for (const control of $("say").elements) control.disabled = !open;
};

/** Where a gateway is: bound to every address, it is reached by the name that this page was reached by. */
const gateway = () => {
  const usable = [...fleet.values()].filter(({ service, gone, status, metadata }) =>
    service === "gateway" && !gone && (status === "running" || status === "healthy") && metadata && metadata.http);
  const found = usable[Math.floor(Math.random() * usable.length)];
  if (!found) return undefined;
  const { host, port } = found.metadata.http;
  const name = ["0.0.0.0", "::"].includes(host) ? location.hostname : host.includes(":") ? "[" + host + "]" : host;
  return (location.protocol === "https:" ? "wss://" : "ws://") + name + ":" + port + "/webchat";
};

const heard = {
  welcome: ({ channel }) => {
    sessionStorage.setItem("channel", channel);
    chatState("connected", true);
    $("text").focus();
  },
  accepted: ({ id }) => {
    const line = unconfirmed.shift();
    if (line) sent.set(id, line);
  },
  reply: ({ text, to }) => {
    const line = sent.get(to);
    if (line) line.classList.remove("waiting");
    sent.delete(to);
    note(text, "theirs");
  },
  error: ({ message }) => {
    const line = unconfirmed.shift();
    if (line) line.classList.remove("waiting");
    note(message, "note");
  },
};

const connect = () => {
  if (socket || Date.now() < retryAt) return;
  const url = gateway();
  if (!url) return chatState("waiting for a gateway", false);
  const channel = sessionStorage.getItem("channel");
  chatState("connecting", false);
  socket = new WebSocket(channel ? url + "?channel=" + encodeURIComponent(channel) : url);
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(data);
    if (Object.hasOwn(heard, answer.type)) heard[answer.type](answer);
  };
  socket.onclose = () => {
    socket = undefined;
    const wait = 500 + Math.random() * 1500;
    retryAt = Date.now() + wait;
    chatState("reconnecting", false);
    for (const line of unconfirmed.splice(0)) line.classList.remove("waiting");
    setTimeout(connect, wait + 50);
  };
};

$("say").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !socket || socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: "message", text }));
  unconfirmed.push(note(text, "mine waiting"));
  $("text").value = "";
};

follow();
`;
