/** What the jobs and the answers write on a Redis Cluster: all keys share one slot. */
import { Cluster } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commitFenced } from "../../src/leadership/commit.ts";
import { silentLogger } from "../../src/logger.ts";
import { timeOf } from "../../src/redis/time.ts";
import { keepReminders } from "../../src/tiers/agents/reminders.ts";
import { summarise } from "../../src/tiers/agents/summaries.ts";
import { consolidate } from "../../src/tiers/consolidation/knowledge.ts";
import { answerTo } from "../../src/tiers/inference/answering.ts";
import { factsOf, notesOf } from "../../src/tiers/inference/notes.ts";
import { offlineResponder } from "../../src/tiers/inference/offline.ts";
import { accept } from "../../src/tiers/messages/accept.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { lineOf } from "../../src/tiers/messages/lines.ts";
import type { TestCluster } from "../kit/cluster.ts";
import { startCluster } from "../kit/cluster.ts";
import { jobOn } from "../kit/job.ts";

let nodes: TestCluster;
let client: Cluster;
beforeAll(async () => {
  nodes = await startCluster();
  const { port } = nodes.nodes[0]!;
  client = new Cluster([{ host: "127.0.0.1", port }], { lazyConnect: true, redisOptions: { password: nodes.password } });
  await client.connect();
});
afterAll(async () => {
  client.disconnect();
  await nodes.stop();
});

it("a message is accepted, answered with a reminder, summarised and consolidated, and the reminder is kept", async () => {
  const message = { id: "1", platform: "webchat", channel: "c", author: "ada", text: "remind me in 1 s to call Bob", at: 1000 };
  await accept(client, { ...message, id: "0", text: "I live in Berlin" });
  await accept(client, message);
  const signal = new AbortController().signal;
  const answering = { redis: client, log: silentLogger, responder: offlineResponder, memoryTokens: 100 };
  const writes = await answerTo(answering, message, { token: 1, epochNow: () => 1000, signal });
  expect(await commitFenced(client, { name: "test", fence: 1, ...writes })).toBe(true);
  for (const work of [summarise, consolidate]) await work(jobOn(client, { now: 5000 }), client);
  await keepReminders(jobOn(client, { now: (await timeOf(client)) + 60_000 }), client);
  const lines = (await client.xrange(messageKeys(client).log("webchat", "c"), "-", "+")).map((entry) => lineOf(entry)!.text);
  expect(lines.slice(2)).toEqual([expect.stringContaining("the reminder is set"), "Reminder: call Bob"]);
  expect(await factsOf(client, message)).toEqual(["ada lives in berlin"]);
  expect(await notesOf(client, message, { signal })).toContain("has had 2 messages");
});
