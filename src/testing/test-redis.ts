/** A Redis for one test that can be made to fail: frozen, killed, flushed, brought back. */
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

  /** Stops answering, as a server in trouble does: connections stay open, nothing comes back. Until `thaw`. */
  freeze(): void {
    process.kill(this.#server.pid, "SIGSTOP");
  }

  /** Answers again, also what was asked meanwhile. */
  thaw(): void {
    process.kill(this.#server.pid, "SIGCONT");
  }

  /** Kills the server; resolves once it has ended. Every connection breaks, and its socket refuses until `restart`. */
  async kill(): Promise<void> {
    await this.#server.kill();
  }

  /** An empty server at the same URL, after `kill` or in place of the one that runs. */
  async restart(): Promise<void> {
    this.#server = await this.#server.restart();
  }

  /** Removes every key, as an operator's FLUSHALL does. */
  async flush(): Promise<void> {
    await this.ask((redis) => redis.flushall());
  }

  /** Asks the server with a connection that is opened for it and closed afterwards. */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = openRedis(this.url);
    try {
      await redis.connect();
      return await question(redis);
    } finally {
      await closeRedis(redis, { signal: AbortSignal.timeout(closeTimeoutMs) });
    }
  }

  /** Ends the server, whatever state it is in. Every call is the same; never rejects. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }
}
