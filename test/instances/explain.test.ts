/** Parts of the sentence on an instance that need no real process. */
import { describe, expect, it } from "vitest";
import { explain } from "../../src/instances/explain.ts";
import { failedBoot, rowWith } from "../kit/rows.ts";

const now = 1_800_000_000_000;

describe("an earlier boot of the same instance", () => {
  it.each([
    { code: "SG_ERR_SUPERSEDED", isNamed: true, what: "was replaced by another process: the sentence advises ids of their own" },
    { code: "SG_ERR_START_FAILED", isNamed: false, what: "failed by itself: the sentence has no such advice" },
  ])("$what", ({ code, isNamed }) => {
    const ended = failedBoot(code, now - 20_000);
    const row = rowWith({ boots: [{ ...ended, outcome: "", endedAt: null }, ended] });
    expect(explain(row, now).includes("give each instance an id of its own")).toBe(isNamed);
  });
});
