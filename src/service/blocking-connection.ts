/** A connection for commands that wait on the server, which would keep every other command of `context.redis` waiting. */
import type { RedisClient } from "../redis/client.ts";
import { closeRedis, openBlockingConnection } from "../redis/connection.ts";
import { maxBlockMs } from "../redis/roles.ts";
import type { HookContext } from "./types.ts";

/** ms beside the longest wait of a command, for its answer */
const answerMs = 2000;
/** ms for the close */
const closeMs = 1000;

/**
 * A connection of its own for commands that wait (XREAD and XREADGROUP with BLOCK, BLPOP, BZPOPMIN) and for subscriptions, to the server of
 * `context.redis`, with its user, database and key prefix. To be called in `onStart` or `run`; each call opens another one. Throws where the
 * service has no Redis.
 *
 * It connects with its first command and reconnects by itself, subscriptions included. A command waits at most 2000 ms (BLOCK 2000, BLPOP … 2):
 * without an answer it rejects after 4000 ms, and while Redis is away with the reason of that; nothing is sent twice. So a loop ends within some
 * seconds of its signal. Closed with what the service deferred, behind `run` and `onStop`; what is sent later rejects.
 *
 * ```ts
 * const jobs = blockingConnection(context);
 * while (!signal.aborted) {
 *   const job = await jobs.blpop("jobs", 2).catch((error) => log.warn("jobs.unread", { reason: error.message }));
 *   if (job) await work(job[1]);
 * }
 * ```
 */
export const blockingConnection = ({ redis, defer }: Pick<HookContext, "redis" | "defer">): RedisClient => {
  const connection = openBlockingConnection(redis, { commandTimeout: maxBlockMs + answerMs, maxRetriesPerRequest: 0 });
  defer(() => closeRedis(connection, { signal: AbortSignal.timeout(closeMs) }));
  return connection;
};
