/** The types of a client: the one everywhere in the tree, and what a program may give. */
import type { Cluster, Redis } from "ioredis";

/** A client of ioredis: for one Redis (also one that Sentinel names) or for a Cluster. */
export type RedisClient = Redis | Cluster;

/**
 * A client that a program has made: of ioredis 6 or 5, also of another copy of it than this package has, such as that of BullMQ. By its
 * form and not by its class, since TypeScript takes the classes of two copies for different ones. A client of node-redis does not fit.
 */
export interface GivenRedisClient {
  readonly status: string;
  readonly isCluster: boolean;
  ping(): Promise<unknown>;
  duplicate(): unknown;
  disconnect(): void;
  on(event: "error", listener: (error: unknown) => void): unknown;
}
