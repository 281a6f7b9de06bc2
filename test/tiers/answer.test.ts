/** What an answer and a notice write, run on a real Redis. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Writes } from "../../src/redis/commands.ts";
import { firstReply } from "../../src/redis/commands.ts";
import { answerWrites, noticeWrites } from "../../src/tiers/messages/answer.ts";
import { publishDraft } from "../../src/tiers/messages/draft.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { hoursOf } from "../kit/hours.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const message = { id: "s.1", platform: "webchat", channel: "c" };

/** Runs the commands one by one, as the script that settles a message does. */
const run = async ({ commands }: Writes): Promise<string> => {
  let first: string | undefined;
  for (const [name, ...words] of commands) {
    const filled = words.map((word) => (word === firstReply ? first! : String(word)));
    const replied = String(await redis.witness.call(String(name), filled));
    first ??= replied;
  }
  return first!;
};
/** The one entry of a stream: its id, and its fields. */
const entryOf = async (stream: string) => {
  const entries = await redis.witness.xrange(stream, "-", "+");
  const [id, flat] = entries[0]!;
  const pairs = Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, flat[2 * at + 1]!]);
  return { count: entries.length, id, fields: Object.fromEntries(pairs) };
};

describe("what is written for a message", () => {
  it.each([
    ["an answer", answerWrites, { id: "re:s.1", role: "assistant" }],
    ["a notice", noticeWrites, { id: "no:s.1", role: "notice" }],
  ])("%s is a line of its conversation's log, and an entry for its platform that names the line", async (_, make, own) => {
    const { log, outbound, open, allOpen } = messageKeys(redis.witness);
    const written = make(redis.witness, message, { text: "hello", at: 2 });
    const id = await run(written);
    expect(written.keys).toEqual([log("webchat", "c"), outbound("webchat"), open("webchat", "c"), allOpen]);
    const common = { ...own, text: "hello", at: "2", to: "s.1" };
    const line = { count: 1, id, fields: { ...common, author: "stargazer" } };
    expect(await entryOf(log("webchat", "c"))).toEqual(line);
    const { count, fields } = await entryOf(outbound("webchat"));
    expect([count, fields]).toEqual([1, { ...common, platform: "webchat", channel: "c", log: id }]);
    expect(hoursOf(await redis.witness.pttl(log("webchat", "c")))).toBe(30 * 24);
  });

  it("is refused with a text that is blank or too long", () => {
    for (const text of [" ", "x".repeat(16 * 1024 + 1)])
      expect(() => answerWrites(redis.witness, message, { text, at: 2 })).toThrow(
        expect.objectContaining({ code: "SG_ERR_MESSAGE_INVALID" }),
      );
  });

  it("as a draft is published to its listeners, and stored nowhere", async () => {
    const listener = redis.witness.duplicate();
    const drafts: unknown[] = [];
    listener.on("message", (_, json) => drafts.push(JSON.parse(json)));
    try {
      await listener.connect();
      await listener.subscribe(messageKeys(redis.witness).live("webchat"));
      const draft = { channel: "c", to: "s.1", token: 7, n: 1, text: "hel" };
      await publishDraft(redis.witness, "webchat", draft);
      await eventually("the draft", () => drafts.length === 1);
      expect([drafts, await redis.witness.dbsize()]).toEqual([[draft], 0]);
    } finally {
      listener.disconnect();
    }
  });
});
