/** The registry's stream of events, read on a blocking connection of its own. */
import type { RedisClient } from "../redis/client.ts";
import { closeRedis, dropConnection, openBlockingConnection, whenReady } from "../redis/connection.ts";
import type { StreamEvent } from "./events.ts";
import { streamEvent } from "./events.ts";
import { registryKeys } from "./keys.ts";

const batchSize = 1000;

export interface StreamBatch {
  readonly events: readonly StreamEvent[];
  /** the id to go on from */
  readonly last: string;
}

export class EventStream {
  readonly #redis: RedisClient;
  readonly #blocking: RedisClient;
  readonly #key: string;

  /** `redis` is used for short commands only. */
  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#blocking = openBlockingConnection(redis, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
    this.#key = registryKeys(redis).events;
  }

  /** The id of the last event. */
  async end(): Promise<string> {
    const [last] = await this.#redis.xrevrange(this.#key, "+", "-", "COUNT", 1);
    return last?.[0] ?? "0-0";
  }

  /** Resolves once `read` can be called. */
  ready({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    return whenReady(this.#blocking, { reopen: true, signal });
  }

  /** Waits up to `blockMs` for events behind the id `after`. */
  async read({ after, blockMs }: { readonly after: string; readonly blockMs: number }): Promise<StreamBatch> {
    const reply = await this.#blocking.xread("COUNT", batchSize, "BLOCK", blockMs, "STREAMS", this.#key, after);
    const messages = reply?.[0]?.[1] ?? [];
    return { events: messages.map(([, fields]) => streamEvent(fields)), last: messages.at(-1)?.[0] ?? after };
  }

  /** Ends the connection; it is made again by its own schedule. */
  drop(): Promise<void> {
    return dropConnection(this.#blocking);
  }

  close({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    return closeRedis(this.#blocking, { signal });
  }
}
