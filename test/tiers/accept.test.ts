/** Accepting a message: numbers, limits, and what is left in Redis. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AcceptOptions } from "../../src/tiers/messages/accept.ts";
import { accept } from "../../src/tiers/messages/accept.ts";
import { answerWrites, noticeWrites } from "../../src/tiers/messages/answer.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const keys = messageKeys({ isCluster: false });
const page = "page-of-this-test";
const take = (n: number, options: AcceptOptions = {}, channel = "c", own = page) =>
  accept(
    redis.witness,
    { id: `${channel}.${own}.${n}`, platform: "webchat", channel, author: "visitor", text: `text ${n}`, at: Date.now() },
    { numbered: { page: own, n }, ...options },
  );
const lengths = async () => [await redis.witness.xlen(keys.inbound), await redis.witness.xlen(keys.log("webchat", "c"))];

describe("the numbers of a page", () => {
  it("accept each message once, however often it is sent", async () => {
    expect((await take(1)).type).toBe("accepted");
    const repeated = await Promise.all([take(1), take(1), take(2), take(2)]);
    expect(repeated.map(({ type }) => type)).toEqual(["again", "again", "accepted", "again"]);
    expect(await take(1)).toEqual({ type: "again" });
    expect(await lengths()).toEqual([2, 2]);
  });

  it("refuse a message whose predecessor is missing, and name the one that is expected", async () => {
    expect(await take(2)).toEqual({ type: "gap", n: 1 });
    await take(1);
    expect(await take(7)).toEqual({ type: "gap", n: 2 });
    expect(await lengths()).toEqual([1, 1]);
  });

  it("are those of one page: another page of the conversation begins with 1", async () => {
    await take(1);
    expect((await take(1, {}, "c", "another-page-of-it")).type).toBe("accepted");
    expect(await redis.witness.hgetall(keys.sent("webchat", "c"))).toEqual({ [page]: "1", "another-page-of-it": "1" });
  });

  it("are kept for 256 pages, and begin anew with one more", async () => {
    const sent = keys.sent("webchat", "c");
    await redis.witness.hset(sent, Object.fromEntries(Array.from({ length: 256 }, (_, at) => [`old-${at}`, 1])));
    await take(1);
    expect(await redis.witness.hgetall(sent)).toEqual({ [page]: "1" });
  });
});

describe("what an accepted message leaves", () => {
  it("is an entry for the workers and a line of the user, and every key but the stream and the index has an end", async () => {
    const accepted = await take(1);
    const [[line, fields] = []] = await redis.witness.xrange(keys.log("webchat", "c"), "-", "+");
    expect(accepted).toEqual({ type: "accepted", line });
    expect(fields!.slice(0, 4)).toEqual(["role", "user", "id", `c.${page}.1`]);
    const all = await redis.witness.keys("*");
    const ending = await Promise.all(all.map(async (key) => [key, (await redis.witness.pttl(key)) > 0] as const));
    const endless = ending.filter(([, ends]) => !ends).map(([key]) => key);
    expect(endless.sort()).toEqual([keys.allOpen, keys.inbound]);
  });

  it.each([
    ["an answer", answerWrites],
    ["a notice", noticeWrites],
  ])("no longer counts as unanswered once %s is written", async (_, make) => {
    await take(1);
    const message = { id: `c.${page}.1`, platform: "webchat", channel: "c" };
    const { commands } = make(redis.witness, message, { text: "text", at: 1 });
    for (const [name, ...words] of commands.filter(([own]) => /REM$/.test(String(own))))
      await redis.witness.call(String(name), ...words.map(String));
    expect(await redis.witness.exists(keys.allOpen, keys.open("webchat", "c"))).toBe(0);
  });
});

describe("a message that would wait behind too many others", () => {
  it("of its conversation is refused before it is stored, and accepted under its number later", async () => {
    const backlog = { unansweredPerConversation: 2 };
    await take(1, { backlog });
    await take(2, { backlog });
    expect(await take(3, { backlog })).toEqual({ type: "busy", reason: "conversation" });
    expect(await lengths()).toEqual([2, 2]);
    expect((await take(1, { backlog }, "another")).type).toBe("accepted");
    await redis.witness.srem(keys.open("webchat", "c"), `c.${page}.1`);
    expect((await take(3, { backlog })).type).toBe("accepted");
  });

  it("of the fleet is refused, and those that have no answer after a day no longer count", async () => {
    const backlog = { unanswered: 2 };
    await redis.witness.zadd(keys.allOpen, 1, "lost-1", 2, "lost-2");
    for (const channel of ["a", "b"]) expect((await take(1, { backlog }, channel)).type).toBe("accepted");
    expect(await take(1, { backlog })).toEqual({ type: "busy", reason: "fleet" });
    expect(await redis.witness.zcard(keys.allOpen)).toBe(2);
    expect(await lengths()).toEqual([2, 0]);
  });

  it("in a Redis whose memory is full is refused as busy, and nothing of it is written", async () => {
    await take(1);
    await redis.witness.config("SET", "maxmemory", "1");
    try {
      expect(await take(2)).toEqual({ type: "busy", reason: "memory" });
    } finally {
      await redis.witness.config("SET", "maxmemory", "0");
    }
    expect(await lengths()).toEqual([1, 1]);
    expect((await take(2)).type).toBe("accepted");
  });
});

it("refuses a message that is not valid, and writes nothing", async () => {
  const message = { id: "1", platform: "webchat", channel: "c", author: "a", text: " ", at: 1 };
  await expect(accept(redis.witness, message)).rejects.toMatchObject({ code: "SG_ERR_MESSAGE_INVALID" });
  expect(await redis.witness.dbsize()).toBe(0);
});
