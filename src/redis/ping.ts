/** The ping gate: one attempt to find out whether Redis can be worked with. */
import type { Redis } from "ioredis";
import { until } from "../clock.ts";
import { StargazerError } from "../errors.ts";
import type { RedisClient } from "./client.ts";
import { dropConnection, lastErrorOf, readyNow, whenReady } from "./connection.ts";
import { reasonOf, withoutCommand } from "./reason.ts";

export interface PingGateOptions {
  /** whether the client was opened by us and may be disconnected */
  readonly owned: boolean;
  /** the attempt's deadline */
  readonly signal: AbortSignal;
}

/**
 * Resolves when Redis answers PING and takes writes: connected, credentials accepted, data loaded, no read-only replica.
 * Else rejects with `SG_ERR_REDIS_UNREACHABLE`, whose message is the reason in one clause, without secrets. When the signal aborts,
 * a connection of ours that is still being made is destroyed, so that the next attempt begins afresh; ioredis goes on to reconnect.
 */
export const pingGate = async (client: RedisClient, { owned, signal }: PingGateOptions): Promise<void> => {
  let heard: unknown;
  const listen = (error: unknown): void => {
    heard = withoutCommand(error);
  };
  const over = new AbortController();
  (client as Redis).on("error", listen);
  try {
    await until(signal, attempt(client, owned, AbortSignal.any([signal, over.signal])));
  } catch (error) {
    if (signal.aborted && owned) await dropConnection(client);
    throw refusal(error, heard ?? lastErrorOf(client), signal);
  } finally {
    over.abort();
    (client as Redis).off("error", listen);
  }
};

/** One flight: whether it answers, and what it is. */
const attempt = async (client: RedisClient, owned: boolean, signal: AbortSignal): Promise<void> => {
  // ioredis' wait, which may outlast the deadline, would hide the reason
  await (owned ? readyNow(client, signal) : whenReady(client, { reopen: false, signal }));
  const [pong, role] = await Promise.all([client.ping(), client.isCluster ? "" : replication(client as Redis)]);
  if (pong !== "PONG") throw new Error(`it answers PING with '${String(pong)}': the client is in a transaction or subscribed`);
  if (/^role:slave/m.test(role) && /^slave_read_only:1/m.test(role)) throw new Error("READONLY");
};

/** A user who may not call INFO may still work: then PING decides. */
const replication = (client: Redis): Promise<string> => client.info("replication").catch(() => "");

/** The `error` event has the real reason; the command only says that the connection is closed. */
const refusal = (error: unknown, heard: unknown, signal: AbortSignal): StargazerError => {
  const vague = signal.aborted || (error instanceof Error && /^Connection is closed|^None of startup nodes/.test(error.message));
  const cause = (vague ? heard : undefined) ?? withoutCommand(error);
  const clause = signal.aborted && heard === undefined ? "no answer in time" : reasonOf(cause);
  return new StargazerError("SG_ERR_REDIS_UNREACHABLE", clause, { phase: "pinging", cause });
};
