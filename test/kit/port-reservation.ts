/** A port of loopback that stays the same while its listener goes and comes back. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that systems give to connections (from 32768 or 49152 on), above those that an embedded server takes. */
const first = 27_000;
const last = 32_767;
const attempts = 50;

export interface PortReservation {
  readonly port: number;
  /** Gives the port up. A second call does nothing. */
  release(): void;
}

/**
 * Resolves with a port on which nothing listens and which no other call gives out, in any process, until it is released or this
 * process ends. Rejects with the last reason where none was found. Keeps no process alive.
 */
export const reservePort = async (): Promise<PortReservation> => {
  for (let attempt = 1; ; attempt += 1) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    try {
      return await reserve(port);
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
};

/** The UDP port of the same number is the mark: the system gives it to one socket only, and takes it back when the process ends. */
const reserve = async (port: number): Promise<PortReservation> => {
  const held = new AbortController();
  const mark = createSocket({ type: "udp4", signal: held.signal }).unref();
  try {
    mark.bind({ port, address: "127.0.0.1", exclusive: true });
    await once(mark, "listening");
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    server.close();
    await once(server, "close");
  } catch (error) {
    held.abort();
    throw error;
  }
  return { port, release: () => held.abort() };
};
