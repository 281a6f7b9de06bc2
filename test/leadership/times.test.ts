/** The times of an election: which are refused, and that one error names all problems. */
import { describe, expect, it } from "vitest";
import type { LeadershipTimes } from "../../machines/index.ts";
import { defaultLeadershipTimes } from "../../machines/index.ts";
import { resolveTimes } from "../../src/leadership/times.ts";

const refusal = (times: object, name = "test"): string => {
  try {
    resolveTimes(name, times as Partial<LeadershipTimes>);
    return "";
  } catch (error) {
    expect(error).toMatchObject({ name: "StargazerError", code: "SG_ERR_CONFIG_INVALID" });
    return (error as Error).message;
  }
};

describe("the times of a leadership", () => {
  it("are the defaults where none are given, and undefined counts as not given", () => {
    expect(resolveTimes("test")).toEqual(defaultLeadershipTimes);
    expect(resolveTimes("test", { pollMs: undefined } as never)).toEqual(defaultLeadershipTimes);
    expect(resolveTimes("test", { pollMs: 5 })).toEqual({ ...defaultLeadershipTimes, pollMs: 5 });
  });

  it.each(Object.keys(defaultLeadershipTimes))("%s is refused unless it is a whole number of at least 1 ms", (name) => {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "100", null, 86_400_001])
      expect(refusal({ [name]: value })).toContain(`${name} must be a whole number from 1 to 86400000, not ${value}`);
  });

  it("a time of another name is refused", () => {
    expect(refusal({ leaseMs: 1 })).toContain("unknown time 'leaseMs'");
    expect(refusal({ lockTtlMS: 1 })).toContain("unknown time 'lockTtlMS' (did you mean lockTtlMs?)");
    expect(refusal({ toString: 1 })).toContain("unknown time 'toString'");
  });

  it("the renewal deadline is refused unless it is before the lock's end", () => {
    expect(refusal({ renewDeadlineMs: 3000 })).toContain("renewDeadlineMs (3000) must be less than lockTtlMs (3000)");
    expect(refusal({ renewDeadlineMs: 2999 })).toBe("");
  });

  it("a retry pause is refused unless it is shorter than the renewal interval", () => {
    expect(refusal({ retryMs: 100, renewMs: 100 })).toContain("retryMs (100) must be less than renewMs (100)");
    expect(refusal({ retryMs: 99, renewMs: 100 })).toBe("");
  });

  it("the renewal deadline is refused unless one renewal and one retry fit in, at their longest", () => {
    const times = { renewMs: 1000, retryMs: 200, askTimeoutMs: 800, lockTtlMs: 9000 };
    expect(refusal({ ...times, renewDeadlineMs: 2120 })).toContain("renewDeadlineMs (2120) must be more than 2120");
    expect(refusal({ ...times, renewDeadlineMs: 2121 })).toBe("");
  });

  it("the time that a task has to end is accepted at any length, as the lock is renewed meanwhile", () => {
    for (const yieldTimeoutMs of [1, 2999, 3000, 86_400_000]) expect(refusal({ lockTtlMs: 3000, yieldTimeoutMs })).toBe("");
  });

  it("one error names every problem, that of the name among them", () => {
    const message = refusal({ pollMs: 0, yieldTimeoutMs: "soon" }, "a:b");
    expect(message).toContain("the leadership 'a:b' has 3 problems");
    expect(message).toMatch(/name must be .*; pollMs must be .*; yieldTimeoutMs must be/);
    expect(refusal({ renewDeadlineMs: 10, retryMs: 2000 })).toMatch(
      /retryMs \(2000\) must be less.*renewDeadlineMs \(10\) must be more/,
    );
  });

  it.each(["", ".", ".a", "a b", "a:b", "a{b}", "é", "x".repeat(65), 7, null])("the name %j is refused", (name) => {
    expect(refusal({}, name as string)).toContain("name must be 1 to 64 letters");
  });

  it.each(["a", "a.b", "A-1_b", "x".repeat(64)])("the name %j is accepted", (name) => {
    expect(refusal({}, name)).toBe("");
  });
});
