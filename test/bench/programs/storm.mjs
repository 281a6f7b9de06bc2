// node storm.mjs PORT COUNT JITTER_MS: so many instances come up at once, each: connect, PING, draw, register. Raw sockets, so that
// it is Redis that is measured; and some more come up before, because the code of this program runs ten times slower until V8 has
// compiled it, which in half a second of backlog was most of the p99.
import { connect } from "node:net";
import { entryText } from "../../../dist/src/registry/entry.js";
import { registryKeys } from "../../../dist/src/registry/keys.js";
import { drawScript, registerScript } from "../../../dist/src/registry/scripts.js";

const [port, count, jitterMs] = process.argv.slice(2).map(Number);
const keys = registryKeys({ isCluster: false });
const resp = (...parts) => `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join("")}`;

const commandsOf = (instance) => {
  const own = [keys.service("svc", instance), keys.released("svc", instance), keys.index("svc"), keys.services, keys.events];
  const incarnation = Date.now() * 1000;
  const boot = "00ff00ff00ff00ff";
  const entry = {
    service: "svc",
    instance,
    status: "starting",
    incarnation,
    boot,
    since: 0,
    startedAt: 0,
    host: "node-17.example",
  };
  const text = entryText({ ...entry, pid: 4242, version: "3.0.0", health: null, metadata: { zone: "b" } });
  const args = [String(incarnation), boot, "svc", instance, "15000", text, "starting", "0"];
  return [
    resp("PING") + resp("EVALSHA", drawScript.sha, "2", own[0], own[1]),
    resp("EVALSHA", registerScript.sha, "5", ...own, ...args),
  ];
};

const doneAt = [];
const tookMs = [];

const comeUp = ([first, second]) =>
  new Promise((resolve) => {
    const began = performance.now();
    const socket = connect(port, "127.0.0.1", () => socket.write(first));
    let replies = "";
    let asked = false;
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      replies += text;
      if (!asked && /\+PONG\r\n\$\d+\r\n\d+\r\n/.test(replies)) {
        asked = true;
        replies = "";
        socket.write(second);
      } else if (asked && replies.includes("$2\r\nok\r\n")) {
        const now = performance.now();
        doneAt.push(now);
        tookMs.push(now - began);
        resolve(socket);
      }
    });
    socket.on("error", () => {
      setTimeout(() => comeUp([first, second]).then(resolve), Math.random() * 100);
    });
  });

const comeUpAll = (written, withinMs) =>
  Promise.all(
    written.map(async (commands) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * withinMs));
      return comeUp(commands);
    }),
  );

const writtenFor = (name, length) =>
  Array.from({ length }, (_, index) => commandsOf(`${name}${index}`).map((text) => Buffer.from(text)));

const written = writtenFor("i", count);
for (const socket of await comeUpAll(writtenFor("warm", 2000), 1000)) socket.destroy();
doneAt.length = 0;
tookMs.length = 0;

const start = performance.now();
const sockets = await comeUpAll(written, jitterMs);
const windows = new Map();
for (const at of doneAt) {
  const window = Math.floor((at - start) / 250);
  windows.set(window, (windows.get(window) ?? 0) + 1);
}
tookMs.sort((a, b) => a - b);
const allUpMs = performance.now() - start;
for (const socket of sockets) socket.destroy();
const at = (share) => tookMs[Math.floor(tookMs.length * share)];
console.log(JSON.stringify({ allUpMs, p50: at(0.5), p99: at(0.99), peakPerSecond: Math.max(...windows.values()) * 4 }));
process.exit(0);
