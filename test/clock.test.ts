/** The clock of a service: its timers run out once, in the next turn where they do not wait, and can be taken back. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { systemClock } from "../src/clock.ts";

describe("a timer of the system's clock", () => {
  it("that does not wait is over in the next turn of the event loop", async () => {
    const calls: string[] = [];
    systemClock.setTimeout(() => calls.push("called"), 0);
    expect(calls).toEqual([]);
    await nextTurn();
    expect(calls).toEqual(["called"]);
  });

  it.each([0, 5])("of %i ms that was cleared is not called", async (ms) => {
    const calls: string[] = [];
    systemClock.clearTimeout(systemClock.setTimeout(() => calls.push("cleared"), ms));
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 10));
    await nextTurn();
    expect(calls).toEqual([]);
  });

  it("is cleared again, or after it was called, without effect on others", async () => {
    const first = systemClock.setTimeout(() => {}, 0);
    await nextTurn();
    systemClock.clearTimeout(first);
    systemClock.clearTimeout(first);
    systemClock.clearTimeout(undefined);
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 0));
  });
});
