/**
 * Rejections without I/O. ioredis rejects in the same turn what it can neither send nor queue: while Redis is away, and on a good connection
 * that is subscribed. A loop that catches and goes on would never let the event loop turn: no signal, no timer and no
 * reconnect would come. Here such a rejection waits.
 */
import type { Redis } from "ioredis";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { rejectingLater } from "../until.ts";
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

/** What a pipeline of ioredis rejects with; no type declares it. */
interface Rejecting {
  reject?: (error: unknown) => void;
}

/** A pipeline across the slots of a Cluster is refused as a whole, before any command of it is sent. */
const pacePipelines = (redis: Redis, pace: Pace): void => {
  const paced = <Made>(made: Made): Made => {
    const rejecting = made as Rejecting;
    const { reject } = rejecting;
    if (reject !== undefined) rejecting.reject = (error) => pace.later(() => reject(error));
    return made;
  };
  const { pipeline, multi } = redis;
  redis.pipeline = (...args) => paced(pipeline.apply(redis, args));
  redis.multi = ((...args: [never]) => paced(multi.apply(redis, args))) as Redis["multi"];
};

/** A caller that gives a callback reads it, and not the promise, which is left as it is. */
const paceConnect = (redis: Redis): void => {
  const { connect } = redis;
  redis.connect = (...args) => {
    const call = () => connect.apply(redis, args);
    return args.length > 0 ? call() : rejectingLater(call);
  };
};

/**
 * Has every command of `client` that is rejected as it is called reject after 1 to 64 ms instead, those of `pipeline` and `multi` too, and
 * of clients that `duplicate()` makes. A closed connection ends the wait. `connect()` rejects in a later turn.
 */
export const paceRejections = <Client extends RedisClient>(client: Client, clock: Clock = systemClock): Client => {
  const redis = client as Redis;
  const { sendCommand, duplicate } = redis;
  const pace = new Pace(clock);
  redis.on("ready", () => pace.reset()).on("end", () => pace.flush());
  redis.sendCommand = (command, stream) => {
    const { reject } = command;
    let isCalling = true;
    command.reject = (error) => (isCalling ? pace.later(() => reject(error)) : reject(error));
    const sent = sendCommand.call(redis, command, stream);
    isCalling = false;
    return sent;
  };
  paceConnect(redis);
  if (redis.isCluster) pacePipelines(redis, pace);
  redis.duplicate = (...args) => paceRejections(duplicate.apply(redis, args), clock);
  return client;
};
