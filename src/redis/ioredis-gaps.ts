/**
 * What ioredis 6.0 leaves undone: timers that it leaves behind when a connection breaks, which would keep a process alive after its
 * last service, and a database that it could not select. Each is found through what its types do not promise, so each is looked for
 * before it is used.
 */
import type { Socket } from "node:net";
import type { Redis } from "ioredis";
import { reasonOf } from "./reason.ts";

interface Insides {
  reconnectTimeout?: NodeJS.Timeout | null;
  readonly stream?: Socket;
  readonly commandQueue?: unknown;
  readonly prevCommandQueue?: unknown;
  readonly flushQueue?: (error: Error, options: { offlineQueue: boolean }) => void;
  readonly condition?: { readonly handshake?: boolean } | null;
  readonly connectionEpoch?: number;
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

/** What was in flight when a connection broke is held back to be sent again. On a client that is closed meanwhile it is rejected here. */
export const rejectHeldBack = (client: Redis): void =>
  inside(client).flushQueue?.(new Error("Connection is closed."), { offlineQueue: true });

/**
 * `connect()` during the wait before a reconnect leaves the timer of that wait, and forgets it when this attempt fails too: it would
 * connect again even a client that was closed meanwhile. Here `connect()` ends the wait.
 */
export const endReconnectWaitOnConnect = (client: Redis): void => {
  const { connect } = client;
  client.connect = ((...args: Parameters<Redis["connect"]>) => {
    clearTimeout(inside(client).reconnectTimeout ?? undefined);
    inside(client).reconnectTimeout = null;
    return connect.apply(client, args);
  }) as Redis["connect"];
};

/**
 * A connection whose database cannot be selected goes on in database 0. Here it fails, each time that it is made: what waits for it
 * is rejected, `error` names the database, and it is made again by its own schedule.
 */
export const failWithoutDatabase = (client: Redis): void => {
  const { select } = client;
  client.select = ((database: number) => {
    const { condition, connectionEpoch } = inside(client);
    const selected = select.call(client, database);
    if (!condition?.handshake) return selected;
    return selected.catch(async (error: unknown) => {
      // a connection that is over already has its reason
      if (client.status === "connect" && inside(client).connectionEpoch === connectionEpoch)
        await failHandshake(client, isOfSelect(error) ? unselected(database, error) : error);
      return "OK";
    });
  }) as Redis["select"];
};

/** Resolves once the connection is over: until then its handshake must not go on. */
const failHandshake = (client: Redis, error: unknown): Promise<void> =>
  new Promise((resolve) => {
    client.once("close", () => resolve());
    client.recoverFromFatalError(error as Error, error as Error, {});
  });

/** Whether it is about the database: a refused AUTH rejects what was sent behind it, and one that is missing is asked for by itself. */
const isOfSelect = (error: unknown): boolean => {
  const { command, message } = error as { command?: { name: string }; message: string };
  return (command === undefined || command.name === "select") && !message.startsWith("NOAUTH");
};

const unselected = (database: number, error: unknown): Error =>
  new Error(`database ${database} cannot be selected: ${reasonOf(error)}`);
