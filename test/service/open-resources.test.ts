/** What a service's journal and its health server have of one another, and of a part that is not there. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { JournalItem } from "../../src/journal/entry.ts";
import { JournalReader } from "../../src/journal/reader.ts";
import type { ServiceFact } from "../../src/service/report/facts.ts";
import { deadlines } from "../kit/deadlines.ts";
import { ask } from "../kit/http-client.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const boot = "../../src/service/effects/boot-journal.ts";
let redis: TestRedis;
beforeAll(async () => {
  // as in a built package, where it is loaded with the service
  await import("../../src/service/effects/boot-journal.ts");
  redis = await startTestRedis();
});
afterEach(async () => {
  vi.doUnmock(boot);
  await redis.witness.flushall();
});
afterAll(() => redis.stop());

const items = async (): Promise<JournalItem[]> => {
  const within = { limit: 10_000, sinceMs: deadlines.long, signal: AbortSignal.timeout(deadlines.fact) };
  return (await new JournalReader(redis.witness).backwards(within)).flatMap((entry) => entry.items);
};
const make = (options: ConstructorParameters<typeof TestTier>[0]) => {
  const tier = new TestTier({ redis: redis.url, serviceName: "orders", ...options });
  const facts: ServiceFact[] = [];
  tier.onFact((fact) => facts.push(fact));
  return { tier, facts };
};

describe("a journal", () => {
  it("that cannot be loaded is off with one warning that has the reason, and the service is the same", async () => {
    vi.doMock(boot, () => ({
      openBootJournal: () => {
        throw new Error("no such file");
      },
    }));
    const { tier, facts } = make({ useHealthServer: false });
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    const off = () => facts.filter(({ type }) => type === "journal.off");
    await eventually("the warning", () => off().length > 0);
    await tier.shutdown();
    expect(await report).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(off()).toEqual([{ type: "journal.off", reason: "no such file" }]);
    expect(await items()).toEqual([]);
  });

  it("has the readiness that the health server judges, with the reason of a check that has failed", async () => {
    let isUp = true;
    const checks = { database: { check: () => isUp, intervalMs: 20, failures: 1 } };
    const { tier } = make({ probeThread: false, checks });
    const report = tier.runToCompletion();
    const readiness = async () => (await items()).filter((item) => item.kind === "ready");
    await eventually("it is ready", async () => (await readiness()).some(({ ready }) => ready));
    isUp = false;
    const failed = /^the check 'database' failed: /;
    await eventually("the check has failed", async () =>
      (await readiness()).some(({ ready, reason }) => !ready && failed.test(reason)),
    );
    await tier.shutdown();
    expect(await report).toMatchObject({ outcome: "shutdown" });
  });
});

describe("a health server", () => {
  it("of a service without Redis has the checks of the options alone", async () => {
    const { tier } = make({ redis: null, useHealthServer: true, probeThread: false, checks: { own: () => {} } });
    await tier.boot();
    const { data } = await ask(tier.healthAddress!.port, "/status");
    expect(data.checks.map(({ check }: { check: string }) => check)).toEqual(["own"]);
    expect(data).not.toHaveProperty("redis");
    await tier.shutdown();
  });
});
