/**
 * Connections to Redis, one for each role. A connection is closed by the code that opened it. A client of the caller's is copied
 * (`duplicate`), never disconnected or reconfigured.
 */
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Redis } from "ioredis";
import { until } from "../until.ts";
import type { RedisClient } from "./client.ts";
import {
  clearDisconnectTimer,
  databaseOf,
  endReconnectWaitOnConnect,
  failWithoutDatabase,
  rejectHandshakeOnClose,
  rejectHeldBack,
} from "./ioredis-gaps.ts";
import { paceRejections } from "./pace.ts";
import { withoutCommand } from "./reason.ts";
import type { RedisOptions } from "./roles.ts";
import { disconnectTimeoutMs, forBlocking, forCommands, forRegistry, reconnectDelay, reconnectDelays } from "./roles.ts";

const errors = new WeakMap<RedisClient, unknown>();

/** The last connection error of a client that was opened here, until it is ready again: a command's error has no cause in it. */
export const lastErrorOf = (client: RedisClient): unknown => errors.get(client);

const prepared = <Client extends RedisClient>(client: Client): Client => {
  const { on } = client as Redis;
  on.call(client, "error", (error: unknown) => errors.set(client, withoutCommand(error)));
  on.call(client, "ready", () => errors.delete(client));
  endReconnectWaitOnConnect(client as Redis);
  paceRejections(client);
  if (client.isCluster) return client;
  rejectHandshakeOnClose(client as Redis);
  failWithoutDatabase(client as Redis);
  return client;
};

/** A command connection that is not connected yet: `connect()` it, or let the ping gate. Close it with `closeRedis`. */
export const openRedis = (url: string, overrides: RedisOptions = {}): Redis =>
  prepared(new Redis(url, { ...forCommands, retryStrategy: reconnectDelays(), ...overrides }));

const copyOf = (client: RedisClient, role: RedisOptions): RedisClient => {
  const retryStrategy = reconnectDelays();
  if (!client.isCluster) {
    const copied = client as Redis;
    // the ready check finds out that the server which Sentinel named has become a replica
    const checked = copied.options.sentinels ? { enableReadyCheck: true } : {};
    return prepared(copied.duplicate({ db: databaseOf(copied), retryStrategy, ...role, ...checked }));
  }
  const { enableOfflineQueue, lazyConnect, protocol, enableReadyCheck, ...redisOptions } = role;
  const { keyPrefix } = role;
  return prepared(
    (client as Exclude<RedisClient, Redis>).duplicate([], {
      lazyConnect: true,
      scaleReads: "master",
      enableAutoPipelining: false,
      enableOfflineQueue: enableOfflineQueue ?? true,
      ...(keyPrefix === undefined ? {} : { keyPrefix }),
      clusterRetryStrategy: (attempt: number) => reconnectDelay(attempt),
      redisOptions,
    }),
  );
};

/** The registry's own connection, over which all its writes go in order. Not connected yet. */
export const openRegistryConnection = (client: RedisClient): RedisClient => copyOf(client, forRegistry);

/** For XREAD, XREADGROUP and the like with BLOCK of at most `maxBlockMs`. Connects with its first command. */
export const openBlockingConnection = (client: RedisClient, overrides: RedisOptions = {}): RedisClient =>
  copyOf(client, { ...forBlocking, ...overrides });

export interface ReadyOptions {
  /** whether a connection that has ended is made again */
  readonly reopen: boolean;
  readonly signal: AbortSignal;
}

const connecting = "a connection to Redis";

/** The ends of the connections that are being dropped, by client. */
const drops = new WeakMap<RedisClient, Promise<void>>();

/**
 * Resolves once `client` is ready. Connects one that has not connected yet and, with `reopen`, one that has ended. Waits for the end of
 * a connection that is being dropped, and begins behind it.
 * Rejects when the attempt under way fails (`lastErrorOf` has the reason), and with the signal's reason.
 */
export const whenReady = (client: RedisClient, { reopen, signal }: ReadyOptions): Promise<void> => {
  const dropped = drops.get(client);
  if (dropped) return until(dropped, { signal, what: connecting }).then(() => whenReady(client, { reopen, signal }));
  if (client.status === "ready") return Promise.resolve();
  if (client.status === "wait" || (reopen && client.status === "end"))
    return until(client.connect(), { signal, what: connecting });
  if (client.status === "end") return turn().then(() => Promise.reject(new Error("Connection is closed.")));
  return nextOutcome(client, signal);
};

/** As `whenReady` with `reopen`, but without the wait before a reconnect: the attempt is made now. */
export const readyNow = async (client: RedisClient, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
  const dropped = drops.get(client);
  if (dropped) await until(dropped, { signal, what: connecting });
  await (client.status === "reconnecting"
    ? until(client.connect(), { signal, what: connecting })
    : whenReady(client, { reopen: true, signal }));
};

/** What becomes of a client's attempt. All who wait for it share it, so its listeners on the client are three at most. */
class Outcome {
  static readonly #pending = new WeakMap<RedisClient, Outcome>();
  readonly #client: RedisClient;
  readonly #settled: Promise<void>;
  #off = (): void => {};
  #waits = 0;

  static next(client: RedisClient): Outcome {
    return Outcome.#pending.get(client) ?? new Outcome(client);
  }

  private constructor(client: RedisClient) {
    this.#client = client;
    Outcome.#pending.set(client, this);
    this.#settled = new Promise((resolve, reject) => this.#listen(resolve, () => reject(new Error("Connection is closed."))));
    // a rejection is handled by each waiting call
    this.#settled.finally(() => this.#end()).catch(() => {});
  }

  /** Settles with the attempt, and rejects with the signal's reason. */
  async wait(signal: AbortSignal): Promise<void> {
    this.#waits += 1;
    try {
      await until(this.#settled, { signal, what: connecting });
    } finally {
      this.#waits -= 1;
      if (this.#waits === 0) this.#end();
    }
  }

  #listen(ready: () => void, failed: () => void): void {
    const emitter = this.#client as Redis;
    emitter.once("ready", ready).once("close", failed).once("end", failed);
    this.#off = () => emitter.off("ready", ready).off("close", failed).off("end", failed);
  }

  #end(): void {
    this.#off();
    if (Outcome.#pending.get(this.#client) === this) Outcome.#pending.delete(this.#client);
  }
}

const nextOutcome = (client: RedisClient, signal: AbortSignal): Promise<void> => Outcome.next(client).wait(signal);

/** The socket of a standalone connection, if there is one. */
const socketOf = (client: RedisClient): Socket | undefined => (client as { stream?: Socket }).stream;

/**
 * Ends a connection, or the attempt to make one, without waiting for the peer; the client reconnects by its own schedule. Resolves
 * when the connection has ended, within some ms. What asks for a ready client meanwhile waits as long: it does not take this end for
 * the end of a new connection.
 */
export const dropConnection = async (client: RedisClient): Promise<void> => {
  if (!["connecting", "connect", "ready"].includes(client.status)) return;
  const ended = nextOutcome(client, AbortSignal.timeout(disconnectTimeoutMs))
    .catch(() => {})
    .finally(() => drops.delete(client));
  drops.set(client, ended);
  client.disconnect(true);
  socketOf(client)?.destroy();
  await ended;
};

/** Whether a caller waits for a reply, or what was called has not been sent as a whole. */
const isOwed = (client: RedisClient, unawaited: number): boolean => {
  const { length } = (client as { commandQueue?: { length: number } }).commandQueue ?? { length: Number.POSITIVE_INFINITY };
  return length > unawaited || (length > 0 && socketOf(client)?.writableLength !== 0);
};

/**
 * Closes a connection that was opened here: with FIN, and by force when the signal aborts or the peer does not answer. Never rejects,
 * never hangs. Afterwards neither socket nor timer is left, and commands in flight have been rejected. Repeatable. `unawaited`: commands
 * among those in flight whose replies have no reader; they are sent, and the close does not wait for the replies.
 */
export const closeRedis = async (
  client: RedisClient,
  { signal, unawaited = 0 }: { readonly signal: AbortSignal; readonly unawaited?: number },
): Promise<void> => {
  const emitter = client as Redis;
  const hasSocket = client.status !== "end" && client.status !== "reconnecting";
  let onEnd = (): void => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  emitter.once("end", onEnd);
  if (client.status !== "end") client.disconnect();
  // with no reply to wait for there is no reason to wait for the peer's FIN, nor for a deadline of it
  const cut = isOwed(client, unawaited) ? undefined : socketOf(client)?.destroy();
  const deadline = cut === undefined ? AbortSignal.any([signal, AbortSignal.timeout(2 * disconnectTimeoutMs)]) : signal;
  if (hasSocket) await until(ended, { signal: deadline, what: "the connection to Redis to close" }).catch(() => {});
  socketOf(client)?.destroy();
  if (client.status !== "end") await Promise.race([ended, turn()]);
  if (!client.isCluster) {
    clearDisconnectTimer(client as Redis);
    rejectHeldBack(client as Redis);
  }
  emitter.off("end", onEnd);
};
