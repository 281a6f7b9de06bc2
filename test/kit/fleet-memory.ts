/** A memory of the fleet that follows the Redis of a client until it is stopped. */
import { FleetMemory } from "../../src/instances/memory.ts";
import type { RedisClient } from "../../src/redis/client.ts";

export interface FollowedFleet {
  readonly memory: FleetMemory;
  /** of its whole life */
  readonly signal: AbortSignal;
  /** resolves once it has left no connection */
  stop(): Promise<void>;
}

/** `warn` is called with each warning. */
export const followFleet = (client: RedisClient, warn: (message: string) => void = () => {}): FollowedFleet => {
  const ended = new AbortController();
  const memory = new FleetMemory();
  const log = { warn: (_fields: object, message?: string) => warn(message ?? "") };
  const running = memory.run(client, { signal: ended.signal, log });
  return {
    memory,
    signal: ended.signal,
    stop: () => {
      ended.abort();
      return running;
    },
  };
};
