/** A connection for blocking commands, which on `context.redis` would delay every other command. */
import type { RedisClient } from "../redis/client.ts";
import { closeRedis, openBlockingConnection } from "../redis/connection.ts";
import { maxBlockMs } from "../redis/roles.ts";
import type { HookContext } from "./types.ts";

/** ms for the reply, added to the longest wait of a command */
const answerMs = 2000;
/** ms for the close */
const closeMs = 1000;

/**
 * A separate connection for blocking commands (XREAD and XREADGROUP with BLOCK, BLPOP, BZPOPMIN) and subscriptions, to the server of
 * `context.redis`, with its user, database and key prefix. Call it in `onStart` or `run`; each call opens another connection. Returns at
 * once. Throws if the service has no Redis.
 *
 * It connects with its first command and reconnects by itself, subscriptions included. A command waits at most 2000 ms (BLOCK 2000, BLPOP … 2):
 * without a reply it rejects after 4000 ms, and while Redis is away with the reason; no command is sent twice. A loop therefore ends within
 * seconds of its signal. The connection closes with the deferred releases, after `run` and `onStop`; a later command rejects.
 *
 * ```ts
 * const jobs = blockingConnection(context);
 * while (!signal.aborted) {
 *   const job = await jobs.blpop("jobs", 2).catch((error) => log.warn({ reason: error.message }, "jobs.unread"));
 *   if (job) await work(job[1]);
 * }
 * ```
 */
export const blockingConnection = ({ redis, defer }: Pick<HookContext, "redis" | "defer">): RedisClient => {
  const connection = openBlockingConnection(redis, { commandTimeout: maxBlockMs + answerMs, maxRetriesPerRequest: 0 });
  defer(() => closeRedis(connection, { signal: AbortSignal.timeout(closeMs) }));
  return connection;
};
