/** What is logged of the streams that a tier reads, and their metrics. */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { WordedLogger } from "../../src/logger.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import type { Watched } from "../../src/streams/stream-state.ts";
import { StreamWatch } from "../../src/tiers/stream-watch.ts";
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
const watched: Watched = { stream, group: "g", capped: { key: "sg:open", cap: 4, what: "messages" } };
it("a watch logs a condition as it begins and as it ends, and its metrics have four series of the stream and two of Redis", async () => {
  const lines: string[] = [];
  const note = (fields: { type: string }) => lines.push(fields.type);
  const log = { debug: () => {}, info: note, warn: note, error: note } as unknown as WordedLogger;
  const end = new AbortController();
  const watch = new StreamWatch();
  const letter = await redis.witness.xadd(streamKeys(redis.witness).deadLetters, "*", "a", "b");
  const ended = watch.run({ redis: redis.witness, log, watched: [watched], signal: end.signal, everyMs: 1 });
  await eventually("both hold", () => lines.length >= 2);
  expect(lines).toEqual(["dead-letters.present", "redis.volatile"]);
  const text = await watch.metrics();
  expect(text.split("\n").filter((line) => line.startsWith("sg_stream_"))).toHaveLength(4);
  expect(text).toMatch(/^sg_stream_length\{stream="sg:stream:test",group="[^"]+"\} \d+$/m);
  expect(text).toContain("sg_dead_letters 1\n");
  await redis.witness.xdel(streamKeys(redis.witness).deadLetters, letter!);
  await eventually("one has ended", () => lines.length >= 3);
  end.abort();
  await ended;
  expect(lines).toEqual(["dead-letters.present", "redis.volatile", "dead-letters.present.ended"]);
  expect(await watch.metrics()).toBe("");
});
