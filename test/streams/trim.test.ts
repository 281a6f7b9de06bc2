/** The end of every stream: what is old and settled is dropped, once a period of all processes together. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { deadLetterRetention } from "../../src/streams/dead-letters.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import { keepTrimmed, trim } from "../../src/streams/trim.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const stream = "sg:stream:inbound";
const add = async (count: number) => {
  for (let n = 1; n <= count; n += 1) await redis.witness.xadd(stream, "*", "n", n);
};
const left = async () => (await redis.witness.xrange(stream, "-", "+")).map(([, [, n]]) => n);
/** whether or not another process had the turn */
const trimNow = async (groups: readonly string[], own: { retainMs?: number; maxLength?: number; maxSettled?: number } = {}) => {
  await redis.witness.del(`${stream}:trimmed`);
  return trim(redis.witness, { stream, groups, retainMs: 0, ...own }, 60_000);
};
const read = (group: string, count: number) =>
  redis.witness.xreadgroup("GROUP", group, "router", "COUNT", count, "STREAMS", stream, ">") as Promise<
    [string, [string, string[]][]][]
  >;

describe("trimming", () => {
  it("drops what every listed group has settled, and nothing that one has not read or not finished", async () => {
    await add(5);
    for (const group of ["workers", "other"]) await redis.witness.xgroup("CREATE", stream, group, "0");
    const [[, taken] = []] = await read("workers", 4);
    await redis.witness.xack(stream, "workers", taken![0]![0], taken![2]![0]);
    expect(await trimNow(["workers", "other"])).toBe(0);
    await redis.witness.xgroup("SETID", stream, "other", "$");
    expect(await trimNow(["workers", "other"])).toBe(1);
    expect(await left()).toEqual(["2", "3", "4", "5"]);
  });

  it("is not stopped by a group that is not listed, which nothing reads any more", async () => {
    await add(3);
    for (const group of ["workers", "forgotten"]) await redis.witness.xgroup("CREATE", stream, group, "0");
    const [[, taken] = []] = await read("workers", 3);
    await redis.witness.xack(stream, "workers", ...taken!.map(([id]) => id));
    expect(await trimNow(["workers"])).toBe(2);
    expect(await left()).toEqual(["3"]);
  });

  it("drops nothing while a listed group is not there yet, and nothing that is younger than it is to be kept", async () => {
    await add(3);
    expect(await trimNow(["workers"])).toBe(0);
    expect(await trimNow([], { retainMs: 3_600_000 })).toBe(0);
    expect(await left()).toHaveLength(3);
  });

  it("keeps so many entries at most", async () => {
    await add(10);
    expect(await trimNow([], { retainMs: 3_600_000, maxLength: 4 })).toBe(6);
    expect(await left()).toEqual(["7", "8", "9", "10"]);
  });

  it("drops the older part of more settled entries than are kept, and nothing that is not settled", async () => {
    const at = (n: number) => `${Date.now() - 100_000 + n * 10_000}-0`;
    for (let n = 1; n <= 8; n += 1) await redis.witness.xadd(stream, at(n), "n", n);
    await redis.witness.xgroup("CREATE", stream, "workers", "0");
    const own = { retainMs: 3_600_000, maxSettled: 4 };
    expect(await trimNow(["workers"], own)).toBe(0);
    const [[, taken] = []] = await read("workers", 8);
    await redis.witness.xack(stream, "workers", taken![0]![0], taken![1]![0]);
    expect(await trimNow(["workers"], own)).toBe(2);
    await redis.witness.xack(stream, "workers", ...taken!.map(([id]) => id));
    expect(await trimNow(["workers"], { ...own, maxSettled: 8 })).toBe(0);
    await trimNow(["workers"], own);
    expect(await left()).toContain("8");
    expect((await left()).length).toBeLessThan(6);
  });

  it("is done once a period by all processes together, and goes on after a failure", async () => {
    const retentions = [{ stream, groups: [], retainMs: 0 }];
    const stop = new AbortController();
    await redis.witness.set(stream, "no stream");
    await redis.witness.config("RESETSTAT");
    const options = { redis: redis.witness, retentions, log: silentLogger, signal: stop.signal, everyMs: 50 };
    const both = Promise.all([keepTrimmed(options), keepTrimmed(options)]);
    await eventually("a pass has failed", async () => /errorstat_WRONGTYPE/.test(await redis.witness.info("errorstats")));
    await redis.witness.del(stream);
    await add(2);
    await eventually("the old one is dropped", async () => (await left()).length <= 1);
    stop.abort();
    await both;
    await redis.witness.set(`${stream}:trimmed`, "1", "PX", 60_000);
    await add(2);
    expect(await trim(redis.witness, retentions[0]!, 60_000)).toBe(0);
  });

  it("of the dead letters is by age and count, and needs no group", () => {
    const { deadLetters } = streamKeys({ isCluster: true });
    expect(deadLetterRetention({ isCluster: true })).toEqual({
      stream: deadLetters,
      groups: [],
      retainMs: 30 * 86_400_000,
      maxLength: 10_000,
    });
  });
});
