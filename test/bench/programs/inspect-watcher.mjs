// Watches what an IPC message names: a page's stream, or a receiver of Stately's protocol. Answers once it is connected.
import { get } from "node:http";
import { WebSocket } from "ws";

process.on("message", (link) => {
  const url = new URL(link);
  const ready = () => process.send("ready");
  if (url.hash === "") new WebSocket(`ws://${url.host}`).on("open", ready).on("error", () => {});
  else
    get(`http://${url.host}/events`, (response) => {
      response.on("error", () => {}).resume();
      ready();
    }).on("error", () => {});
});
process.send("ready");
