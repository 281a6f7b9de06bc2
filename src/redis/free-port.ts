/** A port of loopback for a server that may go and come back. */
import { once } from "node:events";
import { createServer } from "node:net";

/** Systems give connections their ports from 32768 (Linux) or 49152 on: a port below that is not taken by one that passes by. */
const first = 20_000;
const last = 32_767;
const attempts = 50;

/** Resolves with a port that nobody listens on. Rejects with the last reason where none was found. */
export const freePort = async (): Promise<number> => {
  for (let attempt = 1; ; attempt += 1) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    try {
      const server = createServer().listen(port, "127.0.0.1");
      await once(server, "listening");
      server.close();
      await once(server, "close");
      return port;
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
};
