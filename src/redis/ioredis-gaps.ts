/**
 * Timers that ioredis 6.0 leaves behind when a connection breaks, and which would keep a process alive after its last service.
 * Each is found through what its types do not promise, so each is looked for before it is used.
 */
import type { Socket } from "node:net";
import type { Redis } from "ioredis";

interface Insides {
  reconnectTimeout?: NodeJS.Timeout | null;
  readonly stream?: Socket;
  readonly commandQueue?: unknown;
  readonly prevCommandQueue?: unknown;
  readonly flushQueue?: (error: Error, options: { offlineQueue: boolean }) => void;
}

const inside = (client: Redis): Insides => client as unknown as Insides;

/**
 * When a connection breaks during its handshake, HELLO and INFO are forgotten rather than rejected, and their timeouts run on.
 * Rejects them. Commands of a connection that was ready stand in `prevCommandQueue` and are sent again: they are not touched.
 */
export const rejectHandshakeOnClose = (client: Redis): void => {
  client.on("close", () => {
    const { commandQueue, prevCommandQueue } = inside(client);
    if (commandQueue !== prevCommandQueue)
      inside(client).flushQueue?.(new Error("Connection is closed."), { offlineQueue: false });
  });
};

/** `disconnect()` on a socket that has closed already arms a timer which only another `close` of that socket would clear. */
export const clearDisconnectTimer = (client: Redis): void => {
  const { stream } = inside(client);
  if (stream?.closed) stream.emit("close", false);
};

/** Ends the wait before the next reconnect, so that `connect()` may be called now and nothing calls it a second time later. */
export const endReconnectWait = (client: Redis): void => {
  clearTimeout(inside(client).reconnectTimeout ?? undefined);
  inside(client).reconnectTimeout = null;
};
