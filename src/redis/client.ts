/** What "a Redis" is, everywhere below the service. */
import type { Cluster, Redis } from "ioredis";

/** A connection to one Redis (Sentinel included) or to a Cluster. */
export type RedisClient = Redis | Cluster;
