/** F61: a service under the fake timers of a test runner. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { ServiceOptions } from "../../src/index.ts";
import { pause } from "../../src/pause.ts";
import { LifecycleProbe } from "../../src/testing/index.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const minuteMs = 60_000;
const weekMs = 604_800_000;
let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => redis.stop());

const make = (options: Partial<ServiceOptions> = {}) => new TestTier({ redis: redis.url, ...options });

describe("F61: fake timers", () => {
  it("hold no pause of the library, and no wait of a probe", async () => {
    const probe = new LifecycleProbe(make());
    vi.useFakeTimers();
    await pause(1, { signal: new AbortController().signal });
    await expect(probe.state("running", { timeoutMs: 1 })).rejects.toThrow("did not come within 1 ms");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that are installed before the boot delay neither boot, run nor stop of a service", async () => {
    vi.useFakeTimers();
    const tier = make();
    await tier.boot();
    void tier.runToCompletion();
    await tier.waitFor("running");
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
  });

  it("that are installed while it runs do not delay stopping, and leave no timer of the service", async () => {
    const tier = make();
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    vi.useFakeTimers();
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(vi.getTimerCount()).toBe(0);
    await report;
  });

  it("that are set ahead by a week move no deadline and no beat", async () => {
    // ioredis' deadline of a command in flight is on the fake timers, so no beat is due meanwhile
    const tier = make({ heartbeatMs: 10 * minuteMs, leaseTtlMs: 30 * minuteMs });
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    await eventually("the last message of the boot", async () =>
      (await redis.witness.xrevrange("sg:fleet:journal", "+", "-", "COUNT", 1)).join().includes('["ended"'),
    );
    vi.useFakeTimers();
    await vi.advanceTimersByTimeAsync(weekMs);
    expect(tier.status()).toMatchObject({ state: "running", lease: { missed: 0 } });
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    await report;
  });
});
