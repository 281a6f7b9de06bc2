/** What work leaves behind in this process and at a Redis. */
import { expect } from "vitest";
import type { TestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

const openHandles = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|Worker|MessagePort/.test(kind));
/** The ids of all connections to a Redis, the witness's included. No two connections to one server have the same. */
export const connectionsTo = async ({ witness }: TestRedis): Promise<string[]> =>
  [...String(await witness.client("LIST")).matchAll(/^id=(\d+) /gm)].map(([, id]) => id!);

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
  const [handles, connections] = [openHandles(), redis ? await connectionsTo(redis) : []];
  return async () => {
    await eventually("no connection to Redis is left", async () => {
      expect(redis ? await connectionsTo(redis) : []).toSatisfy((ids: string[]) => ids.every((id) => connections.includes(id)));
      return true;
    });
    await eventually("no timer, socket, listener or thread is left", () => {
      expect(openedSince(handles)).toEqual([]);
      return true;
    });
  };
};
