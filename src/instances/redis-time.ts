/** The time of Redis; between two reads it advances with the monotonic clock. */
import { systemClock } from "../clock.ts";
import type { RedisClient } from "../redis/client.ts";
import { msOfTime } from "../redis/time.ts";
import { until } from "../until.ts";

export class RedisTime {
  #offsetMs: number | undefined;

  /** ms since the epoch; by this machine's clock until the first read. */
  now(): number {
    return this.#offsetMs === undefined ? systemClock.epochNow() : systemClock.now() + this.#offsetMs;
  }

  /** Rejects with the error of Redis, and with the signal's reason. */
  async read(redis: RedisClient, signal: AbortSignal): Promise<void> {
    const askedAt = systemClock.now();
    const time = await until(redis.time(), { signal, what: "the time of Redis" });
    const answeredAt = systemClock.now();
    this.#offsetMs = msOfTime(time) - (askedAt + answeredAt) / 2;
  }
}
