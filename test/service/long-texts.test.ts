/** F52: texts of a tier's own are bounded where they enter the record of a life, so that every reader of it may read it. */
import { expect, it } from "vitest";
import type { HookContext } from "../../src/index.ts";
import { aborted, TestTier } from "../kit/tier.ts";

const long = "x".repeat(1_000_000);

it("a phase has 250 characters of its name at most, in status, report and metrics", async () => {
  const hooks = {
    onStart: async ({ phase }: HookContext) => {
      await phase(long, () => phase(long, () => {}));
    },
    run: ({ signal }: HookContext) => aborted(signal),
  };
  const tier = new TestTier({ redis: null }, hooks);
  const ended = tier.runToCompletion();
  await tier.waitFor("running");
  const own = tier
    .status()
    .phases.map(({ phase }) => phase)
    .filter((phase) => phase.startsWith("starting."));
  expect(own.length).toBeGreaterThan(0);
  expect(own.every((phase) => phase.length === 250)).toBe(true);
  await tier.shutdown();
  expect(JSON.stringify(await ended).length).toBeLessThan(10_000);
});

it("a failure has 8192 characters of its message at most, and the cause has it whole", async () => {
  const thrown = new Error(long);
  const tier = new TestTier({ redis: null }, { run: () => Promise.reject(thrown) });
  const report = await tier.runToCompletion();
  expect(report.error?.message.length).toBeLessThan(8300);
  expect(report.error?.cause).toBe(thrown);
  expect(JSON.stringify([tier.status(), report.failures]).length).toBeLessThan(50_000);
});
