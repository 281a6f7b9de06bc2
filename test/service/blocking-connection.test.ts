/** A connection of a user's own for commands that wait: beside `context.redis`, through an outage, and gone with the service. */
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HookContext, RedisClient } from "../../src/index.ts";
import { blockingConnection } from "../../src/index.ts";
import { noteLeftovers } from "../kit/leftovers.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
const tiers: TestTier[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
beforeEach(() => redis.witness.flushall());
afterEach(async () => {
  await Promise.all(tiers.splice(0).map((tier) => tier.shutdown()));
});
afterAll(() => redis.stop());

const start = async (run: (context: HookContext) => Promise<void>): Promise<TestTier> => {
  const tier = new TestTier({ redis: redis.adminUrl, useHealthServer: false }, { run });
  tiers.push(tier);
  void tier.runToCompletion();
  await tier.waitFor("running");
  return tier;
};
/** Takes jobs until the signal, as the documentation has it. */
const worker = (jobs: string[], failures: string[]) => async (context: HookContext) => {
  const connection = blockingConnection(context);
  while (!context.signal.aborted) {
    const job = await connection.blpop("jobs", 1).catch((error: Error) => void failures.push(error.message));
    if (job) jobs.push(job[1]);
    else await setTimeout(20, undefined, { signal: context.signal }).catch(() => {});
  }
};

describe("a blocking connection", () => {
  it("waits beside the commands of the service, and takes what comes", async () => {
    const jobs: string[] = [];
    let command: RedisClient | undefined;
    const tier = await start((context) => {
      command = context.redis;
      return worker(jobs, [])(context);
    });
    await eventually("a client that waits", async () => String(await redis.witness.client("LIST")).includes("cmd=blpop"));
    expect(await command!.set("beside", "1")).toBe("OK");
    await redis.witness.rpush("jobs", "a", "b");
    await eventually("both jobs", () => jobs.length === 2);
    expect(jobs).toEqual(["a", "b"]);
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
  });

  it("goes on after its connection was killed, and each job is taken once", async () => {
    const [jobs, failures]: string[][] = [[], []];
    const tier = await start(worker(jobs!, failures!));
    // between two commands a connection is killed without a rejection
    await eventually("the rejection", async () => {
      const waiting = /^id=(\d+) .*flags=b.*cmd=blpop/m.exec(String(await redis.witness.client("LIST")))?.[1];
      if (waiting) await redis.witness.call("CLIENT", "KILL", "ID", waiting);
      return failures!.length > 0;
    });
    await redis.witness.rpush("jobs", "a");
    await eventually("the job", () => jobs!.length > 0);
    expect(jobs).toEqual(["a"]);
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
  });

  it("is closed with the service, and a subscription with it", async () => {
    const leavesNothing = await noteLeftovers(redis);
    const received: string[] = [];
    const tier = await start(async (context) => {
      const connection = blockingConnection(context);
      connection.on("message", (_channel: string, text: string) => received.push(text));
      await connection.subscribe("news");
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    });
    await eventually("a subscriber", async () => (await redis.witness.publish("news", "a")) === 1);
    await eventually("the message", () => received.length > 0);
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    await leavesNothing();
  });

  it("is not there for a service without Redis, and says so", async () => {
    const tier = new TestTier({ redis: null }, { run: async (context) => void blockingConnection(context) });
    expect((await tier.runToCompletion()).error?.message).toContain("this service runs without Redis");
  });
});
