/** Waits for a new entry of a stream, on a connection of its own: without polling, and without missing an entry. */
import type { RedisClient } from "../redis/client.ts";
import { openBlockingConnection } from "../redis/connection.ts";
import { maxBlockMs } from "../redis/roles.ts";
import type { Waiting } from "../until.ts";
import { until } from "../until.ts";

export class Wake {
  readonly #blocking: RedisClient;
  readonly #stream: string;
  #read: Promise<boolean> | undefined;

  constructor(redis: RedisClient, stream: string) {
    this.#blocking = openBlockingConnection(redis);
    this.#stream = stream;
  }

  /**
   * Resolves with true once the stream has an entry behind `id`. A read under way is shared: it began at an older id, so it ends no
   * later. A connection that ends while it reconnects never settles what is queued on it, hence the signal.
   */
  async next(id: string, { signal }: Waiting): Promise<void> {
    let isThere = false;
    while (!isThere) isThere = await until(this.#pending(id), { signal, what: "a new entry" });
  }

  /** Ends the read under way and the connection. Repeatable. */
  close(): void {
    this.#blocking.disconnect();
  }

  #pending(id: string): Promise<boolean> {
    this.#read ??= this.#block(id).finally(() => {
      this.#read = undefined;
    });
    return this.#read;
  }

  async #block(id: string): Promise<boolean> {
    return (await this.#blocking.xreadBuffer("COUNT", 1, "BLOCK", maxBlockMs, "STREAMS", this.#stream, id)) !== null;
  }
}
