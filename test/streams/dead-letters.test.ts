/** Dead letters: written as they were, listed, put back once, dropped. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DeadLetters, deadLetterCommand } from "../../src/streams/dead-letters.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const stream = "sg:stream:inbound";
const bury = async (fields: readonly Buffer[], own: { stream?: string; reason?: string } = {}): Promise<string> => {
  const letter = { stream, group: "g", entry: "5-1", attempts: 3, reason: "no answer", fields, ...own };
  const [command, ...words] = deadLetterCommand(streamKeys(redis.witness).deadLetters, letter);
  return String(await redis.witness.call(String(command), words as (string | Buffer)[]));
};
const bytes = [
  Buffer.from("id"),
  Buffer.from([0x00, 0x22, 0x5c, 0x0a, 0x7f, 0x80, 0xff, 0xfe]),
  Buffer.from("text"),
  Buffer.from("ä €"),
];

describe("a dead letter", () => {
  it("F31: is put back byte for byte, at the end of its stream, once", async () => {
    const letters = new DeadLetters(redis.witness);
    await redis.witness.xadd(stream, "*", "id", "another");
    const id = await bury(bytes);
    const letter = await letters.get(id);
    expect(letter).toMatchObject({ id, stream, group: "g", entry: "5-1", attempts: 3, reason: "no answer" });
    const both = await Promise.all([letters.replay(letter!), letters.replay(letter!)]);
    expect(both.filter((entry) => entry === undefined)).toHaveLength(1);
    const entries = await redis.witness.xrangeBuffer(stream, "-", "+");
    expect(entries).toHaveLength(2);
    expect(entries[1]![0].toString()).toBe(both.find((entry) => entry !== undefined));
    expect(entries[1]![1]).toEqual(bytes);
    expect(await letters.list(10)).toEqual([]);
  });

  it("is dropped once", async () => {
    const letters = new DeadLetters(redis.witness);
    const id = await bury(bytes);
    expect([await letters.drop(id), await letters.drop(id), await letters.get(id)]).toEqual([true, false, undefined]);
  });

  it("without fields stays, since there is nothing to put back", async () => {
    const letters = new DeadLetters(redis.witness);
    const id = await bury([]);
    expect(await letters.replay({ id, stream })).toBeUndefined();
    expect(await redis.witness.exists(stream)).toBe(0);
    expect(await letters.list(10)).toHaveLength(1);
  });

  it("of another stream is not put into the one that is named", async () => {
    const letters = new DeadLetters(redis.witness);
    const id = await bury(bytes, { stream: "sg:stream:other" });
    expect(await letters.replay({ id, stream })).toBeUndefined();
    expect(await redis.witness.exists(stream)).toBe(0);
  });

  it("has a reason of 500 characters at most, and lists are the newest first", async () => {
    const first = await bury(bytes, { reason: "x".repeat(10_000) });
    const second = await bury(bytes);
    const listed = await new DeadLetters(redis.witness).list(10);
    expect(listed.map(({ id }) => id)).toEqual([second, first]);
    expect(listed[1]!.reason).toHaveLength(500);
  });
});
