/** The ping gate: one attempt to find out whether Redis can be used. */
import type { Redis } from "ioredis";
import { effectPhases } from "../../machines/phases.ts";
import { StargazerError } from "../errors.ts";
import { until } from "../until.ts";
import type { RedisClient } from "./client.ts";
import { dropConnection, lastErrorOf, readyNow, whenReady } from "./connection.ts";
import { checkDatabase } from "./ioredis-gaps.ts";
import { adviceFor, reasonOf, withoutCommand } from "./reason.ts";
import { checkServer } from "./server-kind.ts";
import { tlsFailure } from "./tls.ts";
import type { reasonByTls as ask } from "./tls-question.ts";
import { Unfit } from "./unfit.ts";

/** times that the connection may close during one attempt: a restart of the server closes it once */
const maxCloses = 1;

export interface PingGateOptions {
  /** whether the client was opened here, and may be disconnected */
  readonly owned: boolean;
  /** the attempt's deadline */
  readonly signal: AbortSignal;
  /** ms of that deadline: where the connection is cut, half of them are for the question whether TLS is why. Default 1000 */
  readonly timeoutMs?: number;
  /** what else has to be allowed, sent with PING as it is called. Default: that the server is no read-only replica */
  readonly check?: (client: RedisClient) => Promise<unknown>;
}

/**
 * Resolves when Redis can serve: connected, credentials accepted, data loaded, recent enough, of the kind that the client is for, and
 * `check` passed. Else rejects with `SG_ERR_REDIS_UNREACHABLE`, whose message is the reason in one clause, without secrets, with an
 * `advice` where the server answers and cannot serve. When the signal aborts,
 * an owned connection is ended, so that the next attempt begins with a new one; ioredis reconnects by its schedule.
 */
export const pingGate = async (client: RedisClient, options: PingGateOptions): Promise<void> => {
  const { owned, signal } = options;
  let emitted: unknown;
  const onError = (error: unknown): void => {
    emitted = withoutCommand(error);
  };
  const ended = new AbortController();
  (client as Redis).on("error", onError);
  try {
    await until(attempt(client, options, AbortSignal.any([signal, ended.signal])), { signal, what: "the reply to PING" });
  } catch (error) {
    // before the drop, whose own error is no reason
    const known = emitted ?? lastErrorOf(client);
    const isLate = signal.aborted;
    const found = causeOf(error, known, isLate);
    if ((isLate || error instanceof Closing) && owned) await dropConnection(client);
    if (isLate && known === undefined) throw refusal(found, "no answer in time");
    const { timeoutMs = 1000 } = options;
    throw refusal(isCut(found) ? ((await reasonByTls(client, { signal, timeoutMs: timeoutMs / 2 })) ?? found) : found);
  } finally {
    ended.abort();
    (client as Redis).off("error", onError);
  }
};

const attempt = async (client: RedisClient, { owned, check }: PingGateOptions, signal: AbortSignal): Promise<void> => {
  // the wait before a reconnect may outlast the deadline, and would hide the reason
  if (isMonitor(client)) throw new Unfit("the client is in MONITOR mode", "Pass one that is not.");
  await (owned ? readyNow(client, { signal }) : whenReady(client, { reopen: false, signal }));
  const further = check ?? checkRole;
  const all = owned ? further : (redis: RedisClient) => Promise.all([checkDatabase(redis as Redis), further(redis)]);
  await unlessItCloses(client, signal, () => checkFitness(client, all));
};

/** Such a client is never ready. */
const isMonitor = (client: RedisClient): boolean => (client.options as { monitor?: boolean }).monitor === true;

/** A proxy closes the connection on a command that it does not know; the client would reconnect and send it again without end. */
class Closing extends Unfit {
  constructor() {
    super(
      "it closes the connection when it is sent PING and INFO",
      "A proxy, twemproxy for example, may not pass them, or have no Redis to pass them to: name the Redis behind it.",
    );
  }
}

/** Settles with `ask`; rejects with `Closing` if the connection is closed more than once before. A Cluster's client has many. */
const unlessItCloses = async (client: RedisClient, signal: AbortSignal, ask: () => Promise<void>): Promise<void> => {
  if (client.isCluster) return ask();
  const closing = new AbortController();
  let closes = 0;
  const count = () => {
    closes += 1;
    if (closes > maxCloses) closing.abort(new Closing());
  };
  (client as Redis).on("close", count);
  try {
    await until(ask(), { signal: AbortSignal.any([signal, closing.signal]), what: "the reply to PING" });
  } finally {
    (client as Redis).off("close", count);
  }
};

/**
 * What the gate asks a client that is connected: PING and what else the caller asks, in one round trip. Rejects with what is missing,
 * or with the client's error; `reasonOf` gives the reason of both.
 */
export const checkFitness = async (client: RedisClient, check: (client: RedisClient) => Promise<unknown>): Promise<void> => {
  const others = Promise.allSettled([checkServer(client), check(client)]);
  const pong = await client.ping();
  if (pong !== "PONG") throw oddReply(pong);
  for (const other of await others) if (other.status === "rejected") throw other.reason;
};

/** The reply to PING of a client that is not free for commands, or that changes replies. */
const oddReply = (pong: unknown): Unfit => {
  if (pong === "QUEUED") return new Unfit("the client is in a transaction", "Pass one that is not.");
  if (Array.isArray(pong)) return new Unfit("the client is subscribed", "Pass one that is not.");
  if (Buffer.isBuffer(pong))
    return new Unfit("the client gives replies as Buffers", "Pass one whose replies are texts; getBuffer reads bytes.");
  const reply = JSON.stringify(pong)?.slice(0, 80);
  return new Unfit(`it answers PING with ${reply}`, "Name a Redis, and pass a client whose ping() is its own.");
};

/** INFO may be refused to a user that may do everything else: then PING decides. */
const checkRole = async (client: RedisClient): Promise<void> => {
  const role = client.isCluster ? "" : await (client as Redis).info("replication").catch(() => "");
  if (/^role:slave/m.test(role) && /^slave_read_only:1/m.test(role)) throw new Error("READONLY");
};

/** A connection that ended without a reply of the server. */
const isCut = (error: unknown): boolean => {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return error instanceof Closing || code === "ECONNRESET" || code === "EPIPE" || message === "Connection is closed.";
};

/** Loaded only where a connection was cut. */
const reasonByTls: typeof ask = async (...asked) => {
  const { reasonByTls: ask } = await import("./tls-question.ts");
  return ask(...asked).catch(() => undefined);
};

/** The `error` event has the reason; the command's own error is only that the connection is closed. */
const causeOf = (error: unknown, emitted: unknown, isLate: boolean): unknown => {
  const isVague =
    isLate ||
    (error instanceof Error && /^Connection is closed|^None of startup nodes|enableOfflineQueue/.test(error.message)) ||
    (error instanceof Closing && tlsFailure(emitted) !== undefined);
  return (isVague ? emitted : undefined) ?? withoutCommand(error);
};

const refusal = (cause: unknown, clause: string = reasonOf(cause)): StargazerError => {
  const advice = cause instanceof Unfit ? cause.advice : adviceFor(clause, cause);
  return new StargazerError("SG_ERR_REDIS_UNREACHABLE", clause, {
    phase: effectPhases.pingRedis,
    cause,
    ...(advice && { advice }),
  });
};
