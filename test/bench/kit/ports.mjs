/** Free ports, none handed out twice. */
import { createServer } from "node:net";

let next = 21_000 + Math.floor(Math.random() * 4000);

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

export const freePort = async () => {
  for (;;) {
    next += 1;
    if (await isFree(next)) return next;
  }
};
