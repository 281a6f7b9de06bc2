/** F35: a leader that is killed between the reading of a reminder and the answer to its commit; the next one writes what is owed, once. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { commitFenced } from "../../../src/leadership/commit.ts";
import { reminderWrites } from "../../../src/tiers/agents/reminder.ts";
import { tierKeys } from "../../../src/tiers/keys.ts";
import { messageKeys } from "../../../src/tiers/messages/keys.ts";
import { lineOf } from "../../../src/tiers/messages/lines.ts";
import { endCli, openShell } from "../../kit/cli.ts";
import type { DoomedTier } from "../../kit/killed-tier.ts";
import { startDoomed, startTier } from "../../kit/killed-tier.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";
import { eventually } from "../../kit/wait.ts";

let redis: TestRedis;
const shell = openShell();
const doomed: DoomedTier[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
beforeEach(() => redis.witness.flushall());
afterEach(async () => {
  await endCli();
  for (const tier of doomed.splice(0)) await tier.stop();
});
afterAll(async () => {
  shell.remove();
  await redis.stop();
});

const remind = (text: string, due: number) => {
  const reminder = { id: text, platform: "webchat", channel: "c", to: "m1", text, due };
  return commitFenced(redis.witness, { name: "test", fence: 1, ...reminderWrites(redis.witness, reminder) });
};
const lines = async () =>
  (await redis.witness.xrange(messageKeys(redis.witness).log("webchat", "c"), "-", "+")).map((entry) => lineOf(entry)!.text);
const owed = () => redis.witness.zcard(tierKeys(redis.witness).reminders);

it.each([
  ["before its commit has arrived", "before", [], 1],
  ["after its commit has arrived and before the answer", "after", ["Reminder: tea"], 0],
] as const)("a leader that is killed %s has its reminder written once", async (_, moment, written, left) => {
  await remind("tea", 1);
  const leader = await startDoomed({
    shell,
    redis,
    tier: "agents",
    isNow: (chunk) => (chunk.includes("Reminder: tea") ? moment : "no"),
  });
  doomed.push(leader);
  await leader.killed;
  expect(leader.child.signalCode).toBe("SIGKILL");
  await eventually("what the leader has left", async () => (await owed()) === left);
  expect(await lines()).toEqual(written);
  await remind("more tea", 2);
  startTier(shell, redis, "agents");
  await eventually("the next leader has kept what was owed", async () => (await owed()) === 0);
  expect(await lines()).toEqual(["Reminder: tea", "Reminder: more tea"]);
});
