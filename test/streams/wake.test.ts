/** No wake-up is lost: a worker that has room and takes nothing knows when to ask again, and each message is handled, whatever is interleaved. */
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRedis } from "../../src/redis/connection.ts";
import { LaneConsumer } from "../../src/streams/consumer.ts";
import { laneKeys } from "../../src/streams/keys.ts";
import type { Taken } from "../../src/streams/lanes.ts";
import { Lanes } from "../../src/streams/lanes.ts";
import { randomFrom } from "../chaos/random.mjs";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const stream = "sg:stream:test";
const group = "workers";
const keys = laneKeys(stream);
const leaseMs = 60_000;
const open = async (): Promise<Lanes> => {
  const lanes = new Lanes({ redis: redis.witness, stream, group, laneFields: ["lane"], leaseMs, maxEntryBytes: 1000 });
  await lanes.join();
  return lanes;
};
const add = (lane: string) => redis.witness.xadd(stream, "*", "lane", lane) as Promise<string>;
const nothing = { keys: [], commands: [] };

describe("a claim", () => {
  it("that takes nothing names when a lane is due, where a message is settled in its trip", async () => {
    const lanes = await open();
    for (const lane of ["rests", "goes on", "goes on"]) await add(lane);
    const { taken } = await lanes.claim(() => 2);
    const [rests, goesOn] = taken as [Taken, Taken];
    await lanes.giveUp(rests, { restMs: leaseMs, isCounted: true });
    const [settled, claimed] = await Promise.all([lanes.settle(goesOn, nothing, () => true), lanes.claim(() => 1)]);
    expect(settled.next?.lane).toBe("goes on");
    expect(claimed.taken).toEqual([]);
    expect(claimed.dueMs).toBeTypeOf("number");
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
    "seed %d: that takes nothing names when the next lane is due, whatever shares its trip",
    async (seed) => {
      const { below, next } = randomFrom(seed);
      const lanes = await open();
      let held: Taken[] = [];
      const takeOne = (): Taken[] => held.splice(below(held.length), 1);
      for (let step = 0; step < 60; step += 1) {
        for (let count = below(4); count > 0; count -= 1) await add(`lane ${below(4)}`);
        const ended = Array.from({ length: Math.min(held.length, below(3)) }, takeOne).flat();
        const [claimed, ...ends] = await Promise.all([
          lanes.claim(() => below(3)),
          ...ended.map(async (one) => {
            if (next() < 0.3) await lanes.giveUp(one, { restMs: below(2) * leaseMs, isCounted: false });
            else return (await lanes.settle(one, nothing, () => next() < 0.7)).next;
            return undefined;
          }),
        ]);
        held = [...held, ...claimed.taken, ...ends.flatMap((one) => one ?? [])];
        if (claimed.taken.length === 0 && !claimed.hasMore) {
          const known = await redis.witness.zcard(keys.lanes);
          expect([step, claimed.dueMs === undefined]).toEqual([step, known === 0]);
        }
      }
    },
  );

  it("of a group that has read everything says so, where it is not known how far the lanes are", async () => {
    const ids = [await add("a"), await add("b")];
    await redis.witness.xgroup("CREATE", stream, group, "$");
    const lanes = await open();
    expect((await lanes.claim(() => 1)).routed).toBe(ids.at(-1));
  });

  it("that finds a lane farther ahead than any lease, as the clock of Redis was set back, has it due after one lease", async () => {
    const lanes = await open();
    await add("a");
    await add("a");
    const { taken } = await lanes.claim(() => 1);
    await lanes.settle(taken[0]!, nothing, () => false);
    const hourAhead = Date.now() * 1000 + 3_600_000_000;
    await redis.witness.zadd(keys.lanes, "XX", hourAhead, "a");
    expect((await lanes.claim(() => 1)).taken).toEqual([]);
    const due = Number(await redis.witness.zscore(keys.lanes, "a"));
    expect(due).toBeLessThan(hourAhead);
    // what is no farther ahead than a lease may be is left as it is
    expect((await lanes.claim(() => 1)).taken).toEqual([]);
    expect(Number(await redis.witness.zscore(keys.lanes, "a"))).toBe(due);
  });
});

describe("workers", () => {
  it.each([1, 2, 3, 4])(
    "seed %d: handle each message, whichever of their connections are cut and scripts are forgotten",
    { timeout: deadlines.long },
    async (seed) => {
      const { below, next } = randomFrom(seed);
      const stop = new AbortController();
      const handled = new Map<string, number>();
      const clients = [1, 2, 3].map(() => openRedis(redis.url));
      for (const client of clients) client.on("error", () => {});
      const runs = clients.map((client) =>
        new LaneConsumer<string>({
          ...{
            redis: client,
            stream,
            group,
            laneFields: ["lane"],
            leaseMs: 1000,
            retryMs: 10,
            concurrency: 2,
            maxAttempts: 1000,
            maxLostLeases: 1000,
          },
          parse: (fields) => ({ ok: true, value: String(fields[3]) }),
          handle: async (id) => {
            for (let turns = below(4); turns > 0; turns -= 1) await turn();
            if (next() < 0.1) throw new Error("by chance");
            return { keys: ["sg:handled"], commands: [["HINCRBY", "sg:handled", id, 1]] };
          },
        }).run({ signal: stop.signal }),
      );
      try {
        let sent = 0;
        for (let round = 0; round < 12; round += 1) {
          for (let count = 1 + below(20); count > 0; count -= 1) {
            sent += 1;
            await redis.witness.xadd(stream, "*", "lane", `lane ${below(5)}`, "id", String(sent));
          }
          if (next() < 0.4) await redis.witness.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
          if (next() < 0.3) await redis.witness.script("FLUSH");
          // until all is handled, or while it is: both kinds of wait are met by the next round
          if (next() < 0.6)
            await eventually(`${sent} messages are handled`, async () => (await redis.witness.hlen("sg:handled")) === sent);
        }
        await eventually(`${sent} messages are handled`, async () => (await redis.witness.hlen("sg:handled")) === sent);
        for (const [id, count] of Object.entries(await redis.witness.hgetall("sg:handled"))) handled.set(id, Number(count));
        expect([...handled.values()].filter((count) => count !== 1)).toEqual([]);
      } finally {
        stop.abort();
        await Promise.all(runs);
        for (const client of clients) client.disconnect();
      }
    },
  );
});
