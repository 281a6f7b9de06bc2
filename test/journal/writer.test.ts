/** The writer of the journal on a real Redis that refuses a message. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { JournalReader } from "../../src/journal/reader.ts";
import { JournalWriter } from "../../src/journal/writer.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

it("has a message that Redis refused counted as lost, ahead of the next one", async () => {
  const client = openRedis(redis.url);
  await client.connect();
  const signal = AbortSignal.timeout(60_000);
  const author = () => ({ service: "orders", instance: "orders-1", incarnation: 1, boot: "ab", version: "1.0.0" });
  const writer = new JournalWriter({ redis: client, author, now: () => 0, onRefused: () => {} });
  writer.open(client);
  const write = async (path: string) => {
    writer.note({ kind: "step", at: 0, path, event: "boot" });
    writer.flush();
    await eventually("the answer", () => writer.unanswered() === 0);
  };
  await redis.witness.config("SET", "maxmemory", "1");
  await write("jitter");
  await redis.witness.config("SET", "maxmemory", "0");
  await write("pinging");
  const entries = await new JournalReader(redis.witness).backwards({ limit: 10, sinceMs: 3_600_000, signal });
  expect(entries.flatMap(({ items }) => items)).toMatchObject([
    { kind: "lost", count: 1 },
    { kind: "step", path: "pinging" },
  ]);
  await closeRedis(client, { signal });
});
