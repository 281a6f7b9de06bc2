/** A Redis of one test: it can be frozen, killed, flushed and restarted. */
import type { Redis } from "ioredis";
import { closeRedis, openRedis } from "../redis/connection.ts";
import type { EmbeddedRedis } from "../redis/embedded/server.ts";
import { startEmbeddedRedis } from "../redis/embedded/server.ts";

const closeTimeoutMs = 1000;

/**
 * A real server on a unix socket of its own, with a random password, without persistence, gone with this process. It takes about
 * 50 ms to start, so each test can have its own.
 *
 * ```ts
 * const redis = await TestRedis.start();
 * const service = new MyTier({ redis: redis.url });
 * redis.freeze();
 * await redis.stop();
 * ```
 */
export class TestRedis {
  #server: EmbeddedRedis;

  private constructor(server: EmbeddedRedis) {
    this.#server = server;
  }

  /** Resolves once it answers. Rejects with `SG_ERR_REDIS_SERVER_MISSING` where there is no redis-server and no valkey-server. */
  static async start(): Promise<TestRedis> {
    return new TestRedis(await startEmbeddedRedis());
  }

  /** For the option `redis`, or `REDIS_URL`: `redis://:password@localhost?path=…`. The same before and after `restart`. */
  get url(): string {
    return this.#server.url;
  }

  /** Stops answering until `thaw`, as an overloaded server does: connections stay open and no answer comes. Returns at once. */
  freeze(): void {
    process.kill(this.#server.pid, "SIGSTOP");
  }

  /** Answers again, the commands of the meantime included. */
  thaw(): void {
    process.kill(this.#server.pid, "SIGCONT");
  }

  /** Kills the server; resolves once it has ended. Every connection breaks, and its socket refuses until `restart`. */
  async kill(): Promise<void> {
    await this.#server.kill();
  }

  /** Starts an empty server at the same URL, after `kill` or in place of the one that runs. Resolves once it answers. */
  async restart(): Promise<void> {
    this.#server = await this.#server.restart();
  }

  /** Removes every key, as an operator's FLUSHALL does. */
  async flush(): Promise<void> {
    await this.ask((redis) => redis.flushall());
  }

  /** Calls `question` with a connection of its own, which is closed afterwards. Rejects where the server does not answer. */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = openRedis(this.url);
    try {
      await redis.connect();
      return await question(redis);
    } finally {
      await closeRedis(redis, { signal: AbortSignal.timeout(closeTimeoutMs) });
    }
  }

  /** Ends the server, also a frozen one. A second call changes nothing. Never rejects. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }
}
