// Four sockets that send the longest texts as fast as they are taken; closed, they connect again. argv: address, gateway. Ends with its parent.
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { open, send } from "./chat.mjs";

const address = process.argv.slice(2);
const text = "x".repeat(16_000);

const flood = async () => {
  for (;;) {
    const chat = await open(address).catch(() => undefined);
    for (let n = 1; chat?.socket.readyState === WebSocket.OPEN; n += 1) {
      send(chat, n, text);
      if (chat.socket.bufferedAmount > 1_000_000 || n % 20 === 0) await pause(1);
    }
    chat?.socket.terminate();
    await pause(5);
  }
};

process.once("disconnect", () => process.exit(0));
for (let n = 0; n < 4; n += 1) void flood();
process.send("floods");
