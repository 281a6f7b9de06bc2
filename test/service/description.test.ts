/** A `describe()` that fails costs its own part of the registry entry, and a fact names it once for each change. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceFact, ServiceOptions } from "../../src/index.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
const failing: readonly (readonly [string, string, () => unknown])[] = [
  ["throws", "the pool is closed", () => fail("the pool is closed")],
  ["throws what cannot be printed", "something that cannot be printed was thrown", () => raise(Object.create(null))],
  ["is async", "it returned a promise, and has to return an object", async () => ({ shards: 4 })],
  ["is async and rejects", "it returned a promise, and has to return an object", async () => fail("later")],
  ["returns a list", "it returned no object", () => [1]],
  ["returns a cycle", "circular", () => cyclic],
  ["returns a big integer", "BigInt", () => ({ big: 1n })],
  [
    "returns a getter that throws",
    "no such figure",
    () => Object.defineProperty({}, "x", { get: () => fail("no such figure"), enumerable: true }),
  ],
  ["returns too much", "at most 4096 bytes", () => ({ text: "x".repeat(5000) })],
];
const raise = (thrown: unknown): never => {
  throw thrown;
};
const fail = (message: string): never => raise(new Error(message));

let services = 0;
/** A service in its first state; `answer.is` may change. */
const described = (
  answer: { is: () => unknown },
  metadata: Record<string, unknown> = { zone: "b" },
  more: Partial<ServiceOptions> = {},
) => {
  class Described extends TestTier {
    protected override describe() {
      return answer.is() as Record<string, unknown>;
    }
  }
  services += 1;
  const options = { redis: redis.url, useHealthServer: false, serviceName: `described-${services}`, metadata, ...more };
  const tier = new Described(options, { run: ({ signal }) => aborted(signal) });
  const facts: ServiceFact[] = [];
  tier.onFact((fact) => void (fact.type.startsWith("description.") && facts.push(fact)));
  const entry = (status: string) =>
    eventually(`the entry is ${status}`, async () => {
      const [found] = await new Registry(redis.witness).list(tier.serviceName);
      return found?.status === status && found;
    });
  return { tier, facts, entry };
};
/** The same, started. */
const running = (...given: Parameters<typeof described>) => {
  const made = described(...given);
  return { ...made, report: made.tier.runToCompletion() };
};

describe("F46: describe()", () => {
  it.each(failing)("that %s leaves the entry with the metadata of the options", async (_how, reason, is) => {
    const { tier, facts, report, entry } = running({ is });
    expect((await entry("running")).metadata).toEqual({ zone: "b" });
    await tier.shutdown();
    expect(await report).toMatchObject({ outcome: "shutdown", exitCode: 0 });
    expect(facts).toEqual([{ type: "description.failed", reason: expect.stringMatching(`^describe\\(\\) failed: .*${reason}`) }]);
  });

  it("that fails only once the service runs, and recovers, is named at each change", async () => {
    let calls = 0;
    const { tier, facts, entry } = described({ is: () => (calls++ === 1 ? fail("the pool is closed") : { shards: 4 }) });
    await tier.boot();
    await entry("healthy");
    const report = tier.runToCompletion();
    await entry("running");
    await tier.shutdown();
    await report;
    expect(facts).toEqual([
      { type: "description.failed", reason: "describe() failed: the pool is closed" },
      { type: "description.restored" },
    ]);
  });
});

describe("F46: other callbacks", () => {
  it("metadata with a getter that throws later is read once, by the constructor", async () => {
    let reads = 0;
    const metadata = {
      get zone() {
        return reads++ < 2 ? "b" : fail("too late");
      },
    };
    const { tier, report, entry } = running({ is: () => ({}) }, metadata);
    expect((await entry("running")).metadata).toEqual({ zone: "b" });
    await tier.shutdown();
    await report;
  });

  it("onSkipped that throws hides no entry", async () => {
    const { tier, report, entry } = running({ is: () => ({}) });
    await entry("running");
    await redis.witness.zadd(`sg:registry:idx:${tier.serviceName}`, "9e15", "another-program");
    await redis.witness.set(`sg:registry:service:${tier.serviceName}:another-program`, "no entry");
    const warnings: string[] = [];
    const warned = ({ message }: Error) => void warnings.push(message);
    process.on("warning", warned);
    try {
      const registry = new Registry(redis.witness, { onSkipped: () => fail("not mine") });
      expect(await registry.list(tier.serviceName)).toHaveLength(1);
      await eventually("the warning", () => warnings.includes("onSkipped threw: not mine"));
    } finally {
      process.off("warning", warned);
    }
    await tier.shutdown();
    await report;
  });
});
