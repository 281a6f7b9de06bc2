/** The registry's stream of events, read on a blocking connection of its own. */
import type { RedisClient } from "../redis/client.ts";
import { closeRedis, dropConnection, openBlockingConnection, whenReady } from "../redis/connection.ts";
import { runScript } from "../redis/script.ts";
import type { StreamEvent } from "./events.ts";
import { streamEvent } from "./events.ts";
import { registryKeys } from "./keys.ts";
import { lastEventScript } from "./read-scripts.ts";

const batchSize = 1000;

type Message = readonly [id: Buffer, fields: readonly Buffer[]];

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
    return (await runScript(this.#redis, lastEventScript, { keys: [this.#key], args: [] })) as string;
  }

  /** Resolves once `read` can be called. */
  ready({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    return whenReady(this.#blocking, { reopen: true, signal });
  }

  /** Waits up to `blockMs` for events behind the id `after`. */
  async read({ after, blockMs }: { readonly after: string; readonly blockMs: number }): Promise<StreamBatch> {
    const reply = await this.#blocking.xreadBuffer("COUNT", batchSize, "BLOCK", blockMs, "STREAMS", this.#key, after);
    const messages = ((reply as [Buffer, Message[]][] | null)?.[0]?.[1] ?? []) as Message[];
    // a field that is not read does not become a text
    const events = messages.flatMap(([, fields]) => streamEvent(fields) ?? []);
    return { events, last: messages.at(-1)?.[0].toString() ?? after };
  }

  /** Ends the connection; it is made again by its own schedule. */
  drop(): Promise<void> {
    return dropConnection(this.#blocking);
  }

  close({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    return closeRedis(this.#blocking, { signal });
  }
}
