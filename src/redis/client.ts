/** The type of a client, everywhere in the tree. */
import type { Cluster, Redis } from "ioredis";

/** A client of ioredis: for one Redis (also one that Sentinel names) or for a Cluster. */
export type RedisClient = Redis | Cluster;
