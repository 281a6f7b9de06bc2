/** The summaries of conversations, read from their logs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { factsIn } from "../../../src/tiers/agents/facts.ts";
import { summarise } from "../../../src/tiers/agents/summaries.ts";
import { topicsIn } from "../../../src/tiers/agents/topics.ts";
import { edgeOf, factIn, factOf } from "../../../src/tiers/consolidation/edge.ts";
import { tierKeys } from "../../../src/tiers/keys.ts";
import { accept } from "../../../src/tiers/messages/accept.ts";
import { messageKeys } from "../../../src/tiers/messages/keys.ts";
import { jobOn } from "../../kit/job.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const backlog = { unansweredPerConversation: 1000 };
const day = Date.UTC(2026, 10, 29);
const say = (channel: string, id: string, text = "hello", at = day) =>
  accept(redis.witness, { id, platform: "webchat", channel, author: "visitor", text, at }, { backlog });
const pass = (beforeCommit?: (commit: number) => void) =>
  summarise(jobOn(redis.witness, { now: day, ...(beforeCommit && { beforeCommit }) }), redis.witness);
const countOf = async (channel: string) =>
  Number(await redis.witness.hget(tierKeys(redis.witness).summary("webchat", channel), "messages"));

describe("the summaries", () => {
  it("count the lines of each author, say since when and about what, and go on where they were", async () => {
    await say("x", "1", "My name is Ada. Trains are late", day);
    await say("x", "2", "trains again", day + 5);
    await say("y", "3");
    await pass();
    await say("x", "4", "more trains", day + 9);
    await pass();
    await pass();
    const keys = tierKeys(redis.witness);
    const cursor = expect.stringMatching(/^\d+-\d+$/);
    expect(await redis.witness.hgetall(keys.summary("webchat", "x"))).toEqual({
      cursor,
      firstAt: `${day}`,
      messages: "3",
      lastAt: `${day + 9}`,
    });
    expect(await redis.witness.zrange(keys.topics("webchat", "x"), "0", "0", "REV")).toEqual(["trains"]);
    expect(await redis.witness.zscore(keys.knowledge, edgeOf("visitor", "speaks in", "webchat/x"))).toBe("3");
    expect(await redis.witness.zscore(keys.knowledge, factOf("visitor", "is called", "Ada", "webchat/x"))).toBe("1");
    expect(await redis.witness.zrange(keys.summaries, "0", "-1")).toEqual(["webchat/y", "webchat/x"]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7])(
    "a pass that ends before commit %d is carried on, and no line is counted twice",
    async (last) => {
      for (let at = 0; at < 350; at += 1) await say(at % 7 === 0 ? "x" : "y", `${at}`);
      for (let at = 350; at < 600; at += 1) await say("z", `${at}`);
      await expect(
        pass((commit) => {
          if (commit === last) throw new Error("killed");
        }),
      ).rejects.toThrow("killed");
      await pass();
      expect([await countOf("x"), await countOf("y"), await countOf("z")]).toEqual([50, 300, 250]);
    },
  );

  it("of a message that was trimmed before it was read come with the next one of its conversation", async () => {
    await say("x", "1");
    await redis.witness.xtrim(messageKeys(redis.witness).inbound, "MAXLEN", 0);
    await pass();
    expect(await countOf("x")).toBe(0);
    await say("x", "2");
    await pass();
    expect(await countOf("x")).toBe(2);
  });

  it("leave no consumer group on the messages, and take what is hostile for what it is", async () => {
    const { inbound, log } = messageKeys(redis.witness);
    await redis.witness.xadd(inbound, "*", "nonsense", "x");
    await redis.witness.xadd(log("webchat", "x"), "*", "role", "user");
    await say("x", "1", "x".repeat(16_000));
    await pass();
    expect(await countOf("x")).toBe(1);
    expect(await redis.witness.xinfo("GROUPS", inbound)).toEqual([]);
  });
});

describe("what an author says of themselves", () => {
  it.each([
    ["Hi, my name is Ada Lovelace!", ["ada is called Ada Lovelace"]],
    ["I live in Berlin, and I like trains.", ["ada lives in Berlin", "ada likes trains"]],
    ["I’m from Peru", ["ada comes from Peru"]],
    ["please remember that the key is under the mat", ["ada wants remembered the key is under the mat"]],
    ["What is the weather in Berlin?", []],
    ["my name is", []],
  ])("%j", (text, facts) => {
    expect(factsIn(text, "ada", "webchat/c").map((edge) => factIn(edge))).toEqual(facts);
  });

  it("is bounded: five facts, of at most 80 characters, of the first 2000 of a line", () => {
    const all = "my name is a. i live in b. i am from c. i work at d. i like e. i hate f. remember g.";
    expect(factsIn(all, "ada", "webchat/c")).toHaveLength(5);
    expect(factIn(factsIn(`i like ${"x".repeat(500)}`, "ada", "webchat/c")[0]!)).toBe(`ada likes ${"x".repeat(80)}`);
    expect(factsIn(`${" ".repeat(2000)}i like tea`, "ada", "webchat/c")).toEqual([]);
  });

  it("has its topics: long words that are not common, once each, twelve at most", () => {
    expect(topicsIn("Trains, trains and TRAINS about something in München")).toEqual(["trains", "münchen"]);
    expect(
      topicsIn(Array.from({ length: 50 }, (_, at) => `${"abcdefghij"[at % 10]}${"klmnop"[at % 6]}words`).join(" ")),
    ).toHaveLength(12);
  });
});
