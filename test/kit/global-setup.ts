/** What all tests need: a Redis server that can be started. */
import { findRedisServer } from "../../src/redis/server-binary.ts";

export default function setup(): void {
  if (findRedisServer() === undefined)
    throw new Error("The tests start their own Redis and found no redis-server or valkey-server. Run: npm run setup");
}
