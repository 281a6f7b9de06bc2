/** A reminder is written to its conversation once, when it is due, also where its leader ends before. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commitFenced } from "../../../src/leadership/commit.ts";
import { timeOf } from "../../../src/redis/time.ts";
import type { Reminder } from "../../../src/tiers/agents/reminder.ts";
import { reminderWrites } from "../../../src/tiers/agents/reminder.ts";
import { keepReminders } from "../../../src/tiers/agents/reminders.ts";
import { remindTool } from "../../../src/tiers/inference/tools/remind.ts";
import { tierKeys } from "../../../src/tiers/keys.ts";
import { messageKeys } from "../../../src/tiers/messages/keys.ts";
import { lineOf } from "../../../src/tiers/messages/lines.ts";
import { deadlines } from "../../kit/deadlines.ts";
import { hourMs, hoursOf } from "../../kit/hours.ts";
import { jobOn } from "../../kit/job.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const set = async (own: Partial<Reminder> = {}) => {
  const reminder = { id: "r1", platform: "webchat", channel: "c", to: "m1", text: "tea", due: 1000, ...own };
  await commitFenced(redis.witness, { name: "test", fence: 1, ...reminderWrites(redis.witness, reminder) });
};
const linesOf = async (channel = "c") =>
  (await redis.witness.xrange(messageKeys(redis.witness).log("webchat", channel), "-", "+")).map((entry) => lineOf(entry)!);
const outbound = async () => redis.witness.xrange(messageKeys(redis.witness).outbound("webchat"), "-", "+");
const left = async () => redis.witness.keys("sg:agents:reminders*");

describe("a reminder", () => {
  it("that is due becomes a line of the assistant, in the log and on the outbound stream, and is gone", async () => {
    await set();
    await keepReminders(jobOn(redis.witness, { now: 1000 }), redis.witness);
    const [line, ...others] = await linesOf();
    expect(line).toMatchObject({ role: "assistant", id: "rm:r1", text: "Reminder: tea", to: "m1", at: 1000 });
    expect(others).toEqual([]);
    const [[, fields]] = (await outbound()) as [[string, string[]]];
    expect(fields[fields.indexOf("log") + 1]).toBe(line!.cursor);
    expect(await left()).toEqual([]);
    await keepReminders(jobOn(redis.witness, { now: 1000 }), redis.witness);
    expect(await linesOf()).toHaveLength(1);
  });

  it("that is not due waits", async () => {
    await set({ due: 1001 });
    await keepReminders(jobOn(redis.witness, { now: 1000 }), redis.witness);
    expect([await linesOf(), (await left()).length]).toEqual([[], 2]);
  });

  it("comes in the order in which reminders are due, each to its own conversation", async () => {
    await set({ id: "late", text: "second", due: 20 });
    await set({ id: "early", text: "first", due: 10 });
    await set({ id: "other", text: "elsewhere", channel: "d", due: 15 });
    await keepReminders(jobOn(redis.witness, { now: 1000 }), redis.witness);
    expect((await linesOf()).map(({ text }) => text)).toEqual(["Reminder: first", "Reminder: second"]);
    expect((await linesOf("d")).map(({ text }) => text)).toEqual(["Reminder: elsewhere"]);
  });

  it("whose leader ends before the commit is written by the next one, once", async () => {
    await set();
    await set({ id: "r2", text: "more tea" });
    const killed = jobOn(redis.witness, {
      now: 1000,
      beforeCommit: (commit) => {
        if (commit === 2) throw new Error("killed");
      },
    });
    await expect(keepReminders(killed, redis.witness)).rejects.toThrow("killed");
    expect(await linesOf()).toHaveLength(1);
    await keepReminders(jobOn(redis.witness, { now: 1000 }), redis.witness);
    expect((await linesOf()).map(({ text }) => text)).toEqual(["Reminder: tea", "Reminder: more tea"]);
  });

  it("F39: is due by the clock of Redis, whatever the wall clock of the worker shows that promised it", async () => {
    const message = { id: "m1", platform: "webchat", channel: "c", author: "visitor", text: "remind me", at: 1 };
    const context = { redis: redis.witness, message, now: Date.now() + hourMs, signal: AbortSignal.timeout(deadlines.fact) };
    const { writes } = await remindTool.run(JSON.stringify({ seconds: 7200, text: "tea" }), context);
    await commitFenced(redis.witness, { name: "test", fence: 1, ...writes! });
    const [, due] = await redis.witness.zrange(tierKeys(redis.witness).reminders, "0", "0", "WITHSCORES");
    expect(hoursOf(Number(due) - (await timeOf(redis.witness)))).toBe(2);
  });

  it("that cannot be read ends without a line, and holds up no other", async () => {
    const { reminders, remindersOf } = tierKeys(redis.witness);
    await redis.witness.zadd(reminders, 1, "no JSON", 2, '{"platform":"webchat","channel":"c","id":"gone"}');
    await redis.witness.zadd(reminders, 3, '{"platform":"webchat","channel":"c","id":"odd"}');
    await redis.witness.hset(remindersOf("webchat", "c"), "odd", '{"to":5}');
    await set();
    await keepReminders(jobOn(redis.witness, { now: 1000 }), redis.witness);
    expect((await linesOf()).map(({ text }) => text)).toEqual(["Reminder: tea"]);
    expect(await redis.witness.exists(reminders)).toBe(0);
  });
});
