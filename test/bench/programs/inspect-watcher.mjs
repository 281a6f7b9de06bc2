// Watches what an IPC message names: a page's stream, or a receiver of Stately's protocol. Answers once it is connected.
import { get } from "node:http";
import { WebSocket } from "ws";

process.on("message", ({ kind, link }) => {
  const { host, hash } = new URL(link);
  const headers = { authorization: `Bearer ${hash.slice(1)}` };
  const ready = () => process.send("ready");
  if (kind === "stately") new WebSocket(`ws://${host}`, { headers }).on("open", ready).on("error", () => {});
  else
    get(`http://${host}/events`, { headers }, (response) => {
      response.on("error", () => {}).resume();
      ready();
    }).on("error", () => {});
});
process.send("ready");
