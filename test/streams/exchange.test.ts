/** Several calls in one trip to a real Redis. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Taken } from "../../src/streams/exchange.ts";
import { Lanes } from "../../src/streams/lanes.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

it("messages of one trip are settled, but for the one with a key that the user may not touch", async () => {
  await redis.witness.call("ACL", "SETUSER", "worker", "on", ">secret", "+@all", "~sg:*", "~replies");
  const client = new Redis(redis.port, { username: "worker", password: "secret" });
  const stream = "sg:stream:test";
  const lanes = new Lanes({ redis: client, stream, group: "g", laneFields: ["lane"], leaseMs: 60_000, maxEntryBytes: 1000 });
  try {
    await lanes.join();
    for (const lane of ["a", "b", "c"]) await redis.witness.xadd(stream, "*", "lane", lane);
    const { taken } = await lanes.claim(() => 3);
    const settled = (one: Taken, key: string) =>
      lanes.settle(one, { keys: [key], commands: [["RPUSH", key, one.id]] }, () => false);
    const results = await Promise.allSettled([
      settled(taken[0]!, "replies"),
      settled(taken[1]!, "forbidden"),
      settled(taken[2]!, "replies"),
    ]);
    expect(results).toMatchObject([
      { status: "fulfilled", value: { isOver: false } },
      { status: "rejected", reason: { message: expect.stringContaining("NOPERM") } },
      { status: "fulfilled", value: { isOver: false } },
    ]);
    expect(await redis.witness.lrange("replies", 0, -1)).toEqual([taken[0]!.id, taken[2]!.id]);
  } finally {
    client.disconnect();
  }
});
