/**
 * Connections to Redis, one for each role: commands, the registry's writes in order, blocking reads.
 * Whoever opens one closes it. A client that somebody else opened is copied (`duplicate`), never disconnected or reconfigured.
 */
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { RedisOptions as AnyRedisOptions } from "ioredis";
import { Redis } from "ioredis";
import { until } from "../clock.ts";
import type { RedisClient } from "./client.ts";
import {
  clearDisconnectTimer,
  endReconnectWaitOnConnect,
  failWithoutDatabase,
  rejectHandshakeOnClose,
  rejectHeldBack,
} from "./ioredis-gaps.ts";
import { withoutCommand } from "./reason.ts";

export type { RedisClient } from "./client.ts";

/** What a caller may set otherwise. The shape of replies is not among it: the code relies on it. */
export type RedisOptions = Omit<AnyRedisOptions, "replyMapping" | "himportFieldsets">;

const reconnectCapMs = 2000;
/** how long a closing socket may wait for its peer before it is destroyed */
const disconnectTimeoutMs = 100;

/** ms before the n-th reconnect: full jitter, so that a fleet does not come back in step. Never gives up. */
export const reconnectDelay = (attempt: number, random: () => number = Math.random): number =>
  Math.round(random() * Math.min(reconnectCapMs, 100 * 2 ** Math.min(attempt - 1, 10)));

/**
 * The delays of one client. ioredis counts attempts from the last connection that was made; a server that takes connections only
 * to end them would so be asked without pause, hence a count of our own, which begins anew after a while without a break.
 */
const patientReconnects = (): (() => number) => {
  let attempt = 0;
  let brokeAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    attempt = now - brokeAt > 2 * reconnectCapMs ? 1 : attempt + 1;
    brokeAt = now;
    return reconnectDelay(attempt);
  };
};

/** ioredis' 2: reconnect and send the command again. A master that became a replica is left that way. */
const onReadonly = (error: Error): 2 | false => (error.message.startsWith("READONLY") ? 2 : false);

/**
 * Common to all roles. `socketTimeout` runs only while a reply is owed, so it does not cut idle connections.
 * `maxLoadingRetryTime` is short because ioredis does not clear that timer when it disconnects.
 * RESP2 needs no HELLO to be answered before the first command; nothing here reads what RESP3 adds.
 */
const common = {
  lazyConnect: true,
  connectTimeout: 5000,
  disconnectTimeout: disconnectTimeoutMs,
  socketTimeout: 5000,
  maxLoadingRetryTime: 250,
  protocol: 2,
  disableClientInfo: true,
  reconnectOnError: onReadonly,
} satisfies RedisOptions;

/**
 * A connection is ready once it is made, and its first commands go out with the greeting: INFO, which ioredis would wait for, says no
 * more than the ping gate finds out, and a server that loads its data says so to every command.
 * Auto-pipelining stays off: MULTI and INFO would overtake commands that were called before them in the same turn.
 */
const forCommands = {
  ...common,
  enableReadyCheck: false,
  commandTimeout: 2000,
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
} satisfies RedisOptions;

/**
 * Nothing is queued and nothing is sent twice: a write in flight when the connection breaks rejects, its outcome unknown. There is
 * one registry: below a prefix of the caller's client nobody else would find the entry.
 */
const forRegistry = {
  ...forCommands,
  maxRetriesPerRequest: 0,
  enableAutoPipelining: false,
  keyPrefix: "",
} satisfies RedisOptions;

/** A blocked read may wait, so no command has a deadline; a dead path shows by `socketTimeout`, which BLOCK must stay below. */
const forBlocking = {
  ...common,
  // named, because a copy would inherit those of the client it is made from
  commandTimeout: undefined,
  enableReadyCheck: true,
  maxRetriesPerRequest: null,
  enableOfflineQueue: true,
  enableAutoPipelining: false,
} satisfies RedisOptions;

/** The longest BLOCK, in ms, on a blocking connection. */
export const maxBlockMs = 2000;

const errors = new WeakMap<RedisClient, unknown>();

/** The last connection error of a client opened here, until it is ready again: the command itself only says that it is closed. */
export const lastErrorOf = (client: RedisClient): unknown => errors.get(client);

const watched = <Client extends RedisClient>(client: Client): Client => {
  const { on } = client as Redis;
  on.call(client, "error", (error: unknown) => errors.set(client, withoutCommand(error)));
  on.call(client, "ready", () => errors.delete(client));
  endReconnectWaitOnConnect(client as Redis);
  if (client.isCluster) return client;
  rejectHandshakeOnClose(client as Redis);
  failWithoutDatabase(client as Redis);
  return client;
};

/** A command connection that is not connected yet: `connect()` it, or let the ping gate. Close it with `closeRedis`. */
export const openRedis = (url: string, overrides: RedisOptions = {}): Redis =>
  watched(new Redis(url, { ...forCommands, retryStrategy: patientReconnects(), ...overrides }));

const copyOf = (client: RedisClient, role: RedisOptions): RedisClient => {
  const retryStrategy = patientReconnects();
  if (!client.isCluster) {
    const copied = client as Redis;
    // Sentinel has its answer checked: the one that it names may have become a replica
    const checked = copied.options.sentinels ? { enableReadyCheck: true } : {};
    return watched(copied.duplicate({ retryStrategy, ...role, ...checked }));
  }
  const { enableOfflineQueue, lazyConnect, protocol, enableReadyCheck, ...redisOptions } = role;
  const { keyPrefix } = role;
  return watched(
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

/**
 * Resolves once `client` is ready. Connects one that never was, and, with `reopen`, one that ended.
 * Rejects when the attempt under way fails (why: `lastErrorOf`), and with the signal's reason.
 */
export const whenReady = (client: RedisClient, { reopen, signal }: { reopen: boolean; signal: AbortSignal }): Promise<void> => {
  if (client.status === "ready") return Promise.resolve();
  if (client.status === "wait" || (reopen && client.status === "end")) return until(signal, client.connect());
  if (client.status === "end") return Promise.reject(new Error("Connection is closed."));
  return nextOutcome(client, signal);
};

/** As `whenReady` with `reopen`, at the caller's own pace: a wait before the next reconnect ends, and the attempt is made now. */
export const readyNow = (client: RedisClient, signal: AbortSignal): Promise<void> =>
  client.status === "reconnecting" ? until(signal, client.connect()) : whenReady(client, { reopen: true, signal });

const nextOutcome = (client: RedisClient, signal: AbortSignal): Promise<void> => {
  const emitter = client as Redis;
  let off = (): void => {};
  const outcome = new Promise<void>((resolve, reject) => {
    const failed = () => reject(new Error("Connection is closed."));
    emitter.once("ready", resolve).once("close", failed).once("end", failed);
    off = () => emitter.off("ready", resolve).off("close", failed).off("end", failed);
  });
  return until(signal, outcome).finally(() => off());
};

/** The socket of a standalone connection, if there is one. */
const socketOf = (client: RedisClient): Socket | undefined => (client as { stream?: Socket }).stream;

/**
 * Ends a connection, or the attempt to make one, whatever its peer does; the client goes on to reconnect by its own schedule.
 * Resolves when it is ended, within some ms, so that whoever comes next does not take the old end for a new one.
 */
export const dropConnection = async (client: RedisClient): Promise<void> => {
  if (!["connecting", "connect", "ready"].includes(client.status)) return;
  const over = nextOutcome(client, AbortSignal.timeout(disconnectTimeoutMs)).catch(() => {});
  client.disconnect(true);
  socketOf(client)?.destroy();
  await over;
};

/** A peer that owes nothing need not be heard again: its goodbye is not waited for. */
const isOwedAReply = (client: RedisClient): boolean =>
  (client as { commandQueue?: { length: number } }).commandQueue?.length !== 0;

/**
 * Closes a connection that is ours: politely, and by force when the signal aborts or the peer does not answer. Never rejects, never
 * hangs; afterwards neither socket nor timer is left, and what was in flight has been rejected.
 */
export const closeRedis = async (client: RedisClient, { signal }: { signal: AbortSignal }): Promise<void> => {
  const emitter = client as Redis;
  const hasSocket = client.status !== "end" && client.status !== "reconnecting";
  let onEnd = (): void => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  emitter.once("end", onEnd);
  if (client.status !== "end") client.disconnect();
  if (!isOwedAReply(client)) socketOf(client)?.destroy();
  if (hasSocket) await until(AbortSignal.any([signal, AbortSignal.timeout(2 * disconnectTimeoutMs)]), ended).catch(() => {});
  socketOf(client)?.destroy();
  await Promise.race([ended, turn()]);
  if (!client.isCluster) {
    clearDisconnectTimer(client as Redis);
    rejectHeldBack(client as Redis);
  }
  emitter.off("end", onEnd);
};
