/** What work leaves behind in this process and at a Redis. */
import { expect } from "vitest";
import type { TestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

const openHandles = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|Worker|MessagePort/.test(kind));
const connectionsTo = async (redis: TestRedis | undefined) =>
  redis === undefined ? 0 : String(await redis.witness.client("LIST")).split("\n").length;

/** The handles that are open now and were not before. */
const openedSince = (before: readonly string[]): string[] => {
  const known = [...before];
  return openHandles().filter((kind) => {
    const at = known.indexOf(kind);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
};

/** Notes what is open; the function that it resolves with waits until nothing else is. */
export const noteLeftovers = async (redis?: TestRedis): Promise<() => Promise<void>> => {
  const [handles, connections] = [openHandles(), await connectionsTo(redis)];
  return async () => {
    await eventually("no connection to Redis is left", async () => (await connectionsTo(redis)) === connections);
    await eventually("no timer, socket, listener or thread is left", () => {
      expect(openedSince(handles)).toEqual([]);
      return true;
    });
  };
};
