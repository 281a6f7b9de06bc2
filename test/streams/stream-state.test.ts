/** The state of a stream, and the lines of advice that follow from it. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { laneKeys, streamKeys } from "../../src/streams/keys.ts";
import type { StreamState, Watched } from "../../src/streams/stream-state.ts";
import { conditionsOf, readState } from "../../src/streams/stream-state.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const stream = "sg:stream:test";
const watched: Watched = { stream, group: "g", capped: { key: "sg:open", cap: 4, what: "messages" } };
const calm: StreamState = {
  length: 0,
  waiting: 0,
  lagMs: 0,
  capUsed: 0,
  deadLetters: 0,
  memoryUsed: undefined,
  isDurable: true,
};

describe("the state of a stream", () => {
  it("of a stream that is not there is empty", async () => {
    expect(await readState(redis.witness, watched)).toEqual({
      ...calm,
      isDurable: false,
      memoryUsed: expect.any(Number),
    });
  });

  it("has the lag of what is unread, and of a lane that is due; a lane that is leased has none", async () => {
    const { lanes, waiting } = laneKeys(stream);
    await redis.witness.xgroup("CREATE", stream, "g", "0", "MKSTREAM");
    const [seconds] = await redis.witness.time();
    await redis.witness.zadd(lanes, (Number(seconds) + 3600) * 1e6, "leased");
    await redis.witness.zadd(waiting, 0, "leased\0x");
    expect(await readState(redis.witness, watched)).toMatchObject({ lagMs: 0, waiting: 1 });
    await redis.witness.zadd(lanes, (Number(seconds) - 3600) * 1e6, "due");
    expect(Math.round((await readState(redis.witness, watched)).lagMs / 3.6e6)).toBe(1);
    await redis.witness.xadd(stream, `${(Number(seconds) - 7200) * 1000}-1`, "a", "b");
    expect(Math.round((await readState(redis.witness, watched)).lagMs / 3.6e6)).toBe(2);
  });

  it("has what its bound counts, and the dead letters of all streams", async () => {
    await redis.witness.zadd("sg:open", 1, "a", 2, "b", 3, "c");
    await redis.witness.xadd(streamKeys(redis.witness).deadLetters, "*", "a", "b");
    expect(await readState(redis.witness, watched)).toMatchObject({ capUsed: 0.75, deadLetters: 1 });
    const capped = { ...watched.capped, key: streamKeys(redis.witness).deadLetters };
    expect(await readState(redis.witness, { ...watched, capped })).toMatchObject({ capUsed: 0.25 });
  });

  it("is an error where the groups of the stream may not be read, never a state without a lag", async () => {
    await redis.witness.call("ACL", "SETUSER", "blind", "on", ">secret", "~*", "+@all", "-xinfo");
    const blind = new Redis(redis.port, { username: "blind", password: "secret" });
    await redis.witness.xadd(stream, "*", "a", "b");
    try {
      await expect(readState(blind, watched)).rejects.toThrow(/NOPERM.*xinfo/i);
    } finally {
      blind.disconnect();
    }
  });
});

describe("the conditions of a state", () => {
  it.each([
    ["nothing", {}, undefined],
    ["a lag of more than a minute", { lagMs: 61_000 }, /waits for 61 s\. Start more of this tier/],
    ["a bound that is near", { capUsed: 0.81 }, /^81 % of the 4 messages are there/],
    ["dead letters", { deadLetters: 2 }, /^2 dead letters .* stargazer dlq list$/],
    ["little memory", { memoryUsed: 0.9 }, /^Redis uses 90 % of its maxmemory/],
    ["no append-only file", { isDurable: false }, /appendonly no.* Set appendonly yes$/],
  ])("%s is one line of advice, if any", (_name, own, line) => {
    const lines = conditionsOf(watched, { ...calm, ...own }).map((condition) => condition.line);
    expect(lines).toEqual(line === undefined ? [] : [expect.stringMatching(line)]);
  });
});
