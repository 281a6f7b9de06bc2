/** A port of loopback for a server that may go and come back. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** Systems give connections their ports from 32768 (Linux) or 49152 on: a port below that is not taken by one that passes by. */
const first = 20_000;
const last = 32_767;
const attempts = 50;

export interface PortReservation {
  readonly port: number;
  /** It is anybody's again. A second call does nothing. */
  release(): void;
}

/**
 * Resolves with a port that nobody listens on and that nobody else is given here, in whichever process, until it is released or this
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

/** The same number of UDP stands for the port while nobody listens on it: the system gives it to one socket only, and takes it back. */
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
