/** How a connection behaves by its role: commands, the registry's writes in order, blocking reads. */
import type { RedisOptions as AnyRedisOptions } from "ioredis";
import { systemClock } from "../clock.ts";

/** The options that a caller may set. The shape of replies is not among them: the code relies on it. */
export type RedisOptions = Omit<AnyRedisOptions, "replyMapping" | "himportFieldsets">;

const reconnectCapMs = 2000;

/** ms before the n-th reconnect: full jitter, so that a fleet does not reconnect in step. There is no last attempt. */
export const reconnectDelay = (attempt: number, random: () => number = Math.random): number =>
  Math.round(random() * Math.min(reconnectCapMs, 100 * 2 ** Math.min(attempt - 1, 10)));

/**
 * The reconnect delays of one client. ioredis counts attempts from the last connection, so a server that accepts connections only to
 * close them would see a reconnect without a pause. This count begins again after 4 s without a break.
 */
export const reconnectDelays = (): (() => number) => {
  let attempt = 0;
  let brokeAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = systemClock.now();
    attempt = now - brokeAt > 2 * reconnectCapMs ? 1 : attempt + 1;
    brokeAt = now;
    return reconnectDelay(attempt);
  };
};

/**
 * Reconnects, which leaves a master that became a replica. ioredis' 1: the command rejects with what the server said; 2: it is sent again,
 * which needs a queue. The error of a script begins with its place in the script before Redis 7.
 */
const onReadonly =
  (how: 1 | 2) =>
  (error: Error): 1 | 2 | false =>
    /(?:^|: -)READONLY/.test(error.message) ? how : false;

/** ms that a closing socket may wait for its peer before it is destroyed */
export const disconnectTimeoutMs = 100;

/**
 * Common to all roles. `socketTimeout` runs only while a reply is outstanding, so it does not end idle connections.
 * `maxLoadingRetryTime` is short because ioredis does not clear that timer when it disconnects.
 * RESP2 needs no answer to HELLO before the first command; no code here reads what RESP3 adds.
 */
const common = {
  lazyConnect: true,
  stringNumbers: false,
  connectTimeout: 5000,
  disconnectTimeout: disconnectTimeoutMs,
  socketTimeout: 5000,
  maxLoadingRetryTime: 250,
  protocol: 2,
  replyMapping: "legacy",
  disableClientInfo: true,
} satisfies AnyRedisOptions;

/**
 * A connection counts as ready once it is made, and its first commands are sent with the handshake. ioredis would wait for INFO, which
 * adds nothing to the ping gate; a server that loads its data answers every command so.
 * Auto-pipelining stays off: MULTI and INFO would overtake commands that were called before them in the same turn.
 */
export const forCommands = {
  ...common,
  enableReadyCheck: false,
  commandTimeout: 2000,
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
  reconnectOnError: onReadonly(1),
} satisfies AnyRedisOptions;

/**
 * Nothing is queued and nothing is sent twice: a write in flight when the connection breaks rejects, its outcome unknown. The key
 * prefix of the caller's client is not used: there is one registry, and no reader looks behind a prefix.
 */
export const forRegistry = {
  ...forCommands,
  maxRetriesPerRequest: 0,
  enableAutoPipelining: false,
  keyPrefix: "",
} satisfies AnyRedisOptions;

/**
 * A blocking read may wait, so no command has a deadline. `socketTimeout` ends a dead connection, so BLOCK has to stay below it.
 * Every option is named, because a copy inherits those of the client that it is made from.
 */
export const forBlocking = {
  ...common,
  commandTimeout: undefined,
  enableReadyCheck: true,
  maxRetriesPerRequest: null,
  enableOfflineQueue: true,
  reconnectOnError: onReadonly(2),
  enableAutoPipelining: false,
} satisfies AnyRedisOptions;

/** The longest BLOCK, in ms, on a blocking connection. */
export const maxBlockMs = 2000;
