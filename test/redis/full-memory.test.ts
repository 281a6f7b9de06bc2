/** A Redis whose memory is full and that evicts nothing: what ends something, and what frees memory, is accepted. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { leadershipKeys } from "../../src/leadership/keys.ts";
import { releaseScript, takeScript } from "../../src/leadership/scripts.ts";
import { runScript } from "../../src/redis/script.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { reapScript } from "../../src/registry/scripts.ts";
import { deadLetterCommand } from "../../src/streams/dead-letters.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import { Lanes } from "../../src/streams/lanes.ts";
import { answerWrites } from "../../src/tiers/messages/answer.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { submit } from "../kit/messages.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, TestTier } from "../kit/tier.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await full(false);
  await redis.witness.flushall();
});

/** Resolves once a write that grows the memory is refused, or accepted again. */
const full = async (isFull: boolean): Promise<void> => {
  await redis.witness.config("SET", "maxmemory", isFull ? "1" : "0");
  const written = redis.witness.set("anything", "x");
  if (isFull) await expect(written).rejects.toThrow("OOM");
  else await written;
};
const message = { id: "m1", platform: "webchat", channel: "c1", author: "visitor", text: "hi", at: 1 };

describe("F44: while the memory of Redis is full", () => {
  it("a service that stops deletes its entry, and reports a clean stop", async () => {
    const tier = new TestTier(
      { redis: redis.url, useHealthServer: false, instanceId: "one" },
      { run: ({ signal }) => aborted(signal) },
    );
    const reported = tier.runToCompletion();
    await tier.waitFor("running");
    await full(true);
    await tier.shutdown();
    expect(await reported).toMatchObject({ outcome: "shutdown", exitCode: 0 });
    expect(await redis.witness.keys("sg:registry:service:*")).toEqual([]);
    expect(await redis.witness.exists(registryKeys(redis.witness).released(tier.serviceName, "one"))).toBe(1);
  });

  it("ended leases leave the index, a live one keeps its place there, and the end is published", async () => {
    const keys = registryKeys(redis.witness);
    const prefix = keys.service("svc", "");
    await redis.witness.zadd(keys.index("svc"), "1", "a-live", "2", "b-dead");
    await redis.witness.sadd(keys.services, "svc");
    await redis.witness.set(`${prefix}a-live`, "{}", "PX", 60_000);
    await full(true);
    const reaped = await runScript(redis.witness, reapScript, {
      keys: [keys.index("svc"), keys.services, keys.events, prefix, keys.known("svc"), keys.journal, keys.ends],
      args: ["svc", 100],
    });
    expect(reaped).toBe(1);
    expect(await redis.witness.zrange(keys.index("svc"), "0", "-1")).toEqual(["a-live"]);
    expect(await redis.witness.xlen(keys.events)).toBe(1);
  });

  it("a lead is taken and given up", async () => {
    const keys = leadershipKeys(redis.witness);
    const both = [keys.leader("jobs"), keys.leaderFence("jobs")];
    await full(true);
    const fence = await runScript(redis.witness, takeScript, { keys: both, args: ["me", 60_000] });
    expect(fence).toMatch(/^\d+$/);
    expect(await redis.witness.get(both[0]!)).toBe("me");
    expect(await runScript(redis.witness, releaseScript, { keys: both, args: ["me", String(fence)] })).toBe(1);
    expect(await redis.witness.exists(both[0]!)).toBe(0);
  });

  it("a lead whose lock has expired is given up, and its fence is raised", async () => {
    const keys = leadershipKeys(redis.witness);
    const both = [keys.leader("jobs"), keys.leaderFence("jobs")];
    await redis.witness.set(both[1]!, "20");
    await full(true);
    expect(await runScript(redis.witness, releaseScript, { keys: both, args: ["me", 20] })).toBe(0);
    expect(await redis.witness.get(both[1]!)).toBe("21");
  });

  it("an accepted message is answered, and one that failed moves to the dead letters", async () => {
    const { inbound, outbound } = messageKeys(redis.witness);
    const { deadLetters } = streamKeys(redis.witness);
    for (const id of ["m1", "m2"]) await submit(redis.witness, { ...message, id, channel: id });
    const lanes = new Lanes({
      redis: redis.witness,
      stream: inbound,
      group: "g",
      laneFields: ["channel"],
      leaseMs: 60_000,
      maxEntryBytes: 1_048_576,
    });
    await lanes.join();
    await full(true);
    const [first, second] = (await lanes.claim(() => 2)).taken;
    expect(await lanes.renew([first!, second!])).toEqual([]);
    const answer = answerWrites(redis.witness, message, { text: "yes", at: 2 });
    expect(await lanes.settle(first!, answer, () => true)).toEqual({ isOver: false, hasMore: false });
    expect(await redis.witness.xlen(outbound("webchat"))).toBe(1);
    expect(await lanes.giveUp(second!, { restMs: 0, isCounted: true })).toBe(true);
    const [again] = (await lanes.claim(() => 2)).taken;
    const letter = { stream: inbound, group: "g", entry: again!.id, attempts: 2, reason: "no answer to this", fields: [] };
    const burial = { keys: [deadLetters], commands: [deadLetterCommand(deadLetters, letter)] };
    expect(await lanes.settle(again!, burial, () => true)).toEqual({ isOver: false, hasMore: false });
    expect(await redis.witness.xlen(deadLetters)).toBe(1);
    expect((await redis.witness.xpending(inbound, "g"))[0]).toBe(0);
  });
});
