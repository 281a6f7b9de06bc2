/**
 * Gaps of ioredis 6.0: timers that stay when a connection breaks, which would keep a process alive after its last service, and a
 * database that cannot be selected. Each is filled through members that its types do not declare, so each member is checked before
 * it is used.
 */
import type { Socket } from "node:net";
import type { Redis } from "ioredis";
import { nameOf } from "../../machines/thrown.ts";
import { reasonOf } from "./reason.ts";

interface Insides {
  reconnectTimeout?: NodeJS.Timeout | null;
  readonly stream?: Socket;
  readonly commandQueue?: unknown;
  readonly prevCommandQueue?: unknown;
  readonly flushQueue?: (error: Error, options: { offlineQueue: boolean }) => void;
  readonly condition?: { readonly handshake?: boolean; readonly select?: number } | null;
  readonly connectionEpoch?: number;
}

const inside = (client: Redis): Insides => client as unknown as Insides;

/**
 * When a connection breaks during its handshake, ioredis drops HELLO and INFO without a rejection, and their timeouts run on. This
 * rejects them. The commands of a connection that was ready are in `prevCommandQueue` and are sent again: they are left alone.
 */
export const rejectHandshakeOnClose = (client: Redis): void => {
  client.on("close", () => {
    const { commandQueue, prevCommandQueue } = inside(client);
    if (commandQueue !== prevCommandQueue)
      inside(client).flushQueue?.(new Error("Connection is closed."), { offlineQueue: false });
  });
};

/** `disconnect()` on a closed socket sets a timer that only another `close` of that socket clears: this emits it. */
export const clearDisconnectTimer = (client: Redis): void => {
  const { stream } = inside(client);
  if (stream?.closed) stream.emit("close", false);
};

/** Commands in flight when a connection broke are held back to be sent again. This rejects them, for a client that is closed meanwhile. */
export const rejectHeldBack = (client: Redis): void =>
  inside(client).flushQueue?.(new Error("Connection is closed."), { offlineQueue: true });

/**
 * `connect()` during the wait before a reconnect leaves the timer of that wait, which would reconnect even a client that was closed
 * meanwhile. With this, `connect()` ends the wait.
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
 * A connection whose database cannot be selected goes on in database 0. With this it fails, each time that it is made: its commands
 * reject, `error` names the database, and it reconnects by its own schedule.
 */
export const failWithoutDatabase = (client: Redis): void => {
  const { select } = client;
  client.select = ((database: number) => {
    const { condition, connectionEpoch } = inside(client);
    const selected = select.call(client, database);
    if (!condition?.handshake) return selected;
    return selected.catch(async (error: unknown) => {
      // a connection that has ended has a reason of its own
      if (client.status === "connect" && inside(client).connectionEpoch === connectionEpoch)
        await failHandshake(client, isOfSelect(error) ? unselected(database, error) : error);
      return "OK";
    });
  }) as Redis["select"];
};

/** The database of a client for one Redis: what it has selected last, else that of its options. `duplicate()` knows the second alone. */
export const databaseOf = (client: Redis): number => Number(inside(client).condition?.select ?? client.options.db ?? 0);

/**
 * The same for a client of the caller's, which is not changed: sent with the commands that follow, in their round trip. Rejects where
 * the database that it has chosen cannot be selected.
 */
export const checkDatabase = async (client: Redis): Promise<void> => {
  const database = databaseOf(client);
  if (client.isCluster || database === 0) return;
  await client.select(database).catch((error: unknown) => {
    throw isOfSelect(error) ? unselected(database, error) : error;
  });
};

/** Resolves once the connection has ended: until then its handshake must not go on. */
const failHandshake = (client: Redis, error: unknown): Promise<void> =>
  new Promise((resolve) => {
    client.once("close", () => resolve());
    client.recoverFromFatalError(error as Error, error as Error, {});
  });

/** Whether SELECT caused the error: a refused AUTH rejects the commands behind it too, and a missing password has an error of its own. */
const isOfSelect = (error: unknown): boolean => {
  const { command, message } = error as { command?: { name: string }; message: string };
  return (command === undefined || command.name === "select") && !message.startsWith("NOAUTH");
};

/** Named as the server's reply is: it is running. */
export const unselected = (database: number, error: unknown): Error =>
  Object.assign(new Error(`database ${database} cannot be selected: ${reasonOf(error)}`), { name: nameOf(error) });
