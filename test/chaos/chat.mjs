/** A socket of a visitor of the webchat that follows no chart. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";

/** `[from, gateway]`: the gateway counts by the address that a reverse proxy on its machine names. Resolves once lines come live. */
export const open = async ([from, gateway]) => {
  const socket = new WebSocket(`${gateway.replace(/^http/, "ws")}/webchat`, { headers: { "x-forwarded-for": from } });
  socket.on("error", () => {});
  const chat = { socket, page: randomBytes(16).toString("base64url"), onFrame: () => {} };
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data));
    chat.onFrame(frame);
  });
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "hello" }));
  await new Promise((resolve) => {
    chat.onFrame = ({ type }) => type === "live" && resolve();
    socket.once("close", resolve);
  });
  return chat;
};

export const send = ({ socket, page }, n, text) => socket.send(JSON.stringify({ type: "message", page, n, text }));
