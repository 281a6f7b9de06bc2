/**
 * Rejections without I/O. ioredis rejects a command that it can neither send nor queue in the same turn, so a loop that catches and
 * goes on would never let the event loop turn: no signal, no timer and no reconnect would come. Here such a rejection waits.
 */
import type { Redis } from "ioredis";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { RedisClient } from "./client.ts";

/** ms that a rejection waits at most */
export const longestPaceMs = 64;

/** Rejections that wait. Those of one wait come together; each wait is twice as long as the one before, until the client is ready. */
class Pace {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #timer: unknown;
  #nextMs = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  later(reject: () => void): void {
    this.#waiting.push(reject);
    if (this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimeout(() => this.flush(), this.#nextMs);
    this.#nextMs = Math.min(2 * this.#nextMs, longestPaceMs);
  }

  flush(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const reject of this.#waiting.splice(0)) reject();
  }

  reset(): void {
    this.#nextMs = 1;
  }
}

const sends = (client: Redis): boolean => client.status === "ready" && (client.isCluster || client.stream?.writable === true);

/**
 * Has every command of `client` that is rejected as it is called reject after 1 to 64 ms instead, those of `pipeline` and `multi` too, and
 * of clients that `duplicate()` makes. A closed connection ends the wait.
 */
export const paceRejections = <Client extends RedisClient>(client: Client, clock: Clock = systemClock): Client => {
  const redis = client as Redis;
  const { sendCommand, duplicate } = redis;
  const pace = new Pace(clock);
  redis.on("ready", () => pace.reset()).on("end", () => pace.flush());
  redis.sendCommand = (command, stream) => {
    if (sends(redis)) return sendCommand.call(redis, command, stream);
    const { reject } = command;
    let isCalling = true;
    command.reject = (error) => (isCalling ? pace.later(() => reject(error)) : reject(error));
    const sent = sendCommand.call(redis, command, stream);
    isCalling = false;
    return sent;
  };
  redis.duplicate = (...args) => paceRejections(duplicate.apply(redis, args), clock);
  return client;
};
