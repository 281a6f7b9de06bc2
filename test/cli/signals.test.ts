/** Signals as a command sees them, with timers of the test's own. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Interruption } from "../../src/cli/signals.ts";
import { interrupted, onAbort } from "../../src/cli/signals.ts";

vi.mock("../../src/clock.ts", async (original) => ({
  ...(await original<object>()),
  every: (await import("../kit/global-timers.ts")).every,
}));
vi.mock("../../src/foreground.ts", () => ({ leadsTerminal: () => false }));

describe("an interruption", () => {
  let interruption: Interruption | undefined;
  const begin = (): Interruption => {
    interruption = interrupted();
    return interruption;
  };
  const send = (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => process.emit(signal, signal);
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    interruption?.release();
    vi.useRealTimers();
  });

  it("stops at the first signal, and forces at one more than 1000 ms of running time after it", () => {
    const { signal, forced } = begin();
    send("SIGINT");
    expect([signal.reason, forced.aborted]).toEqual(["SIGINT", false]);
    vi.advanceTimersByTime(1049);
    send("SIGTERM");
    expect(forced.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    send("SIGTERM");
    expect([signal.reason, forced.reason]).toEqual(["SIGINT", "SIGTERM"]);
  });

  it("is not forced by its first signal, also where handling that takes long", () => {
    const { signal, forced } = begin();
    onAbort(signal, () => void vi.advanceTimersByTime(5000));
    send("SIGINT");
    expect([signal.aborted, forced.aborted]).toEqual([true, false]);
  });

  it("is stopped, and never forced, by SIGHUP and by `stop`", () => {
    const { signal, forced, stop } = begin();
    stop("earlier");
    send("SIGHUP");
    vi.advanceTimersByTime(5000);
    send("SIGHUP");
    expect([signal.reason, forced.aborted]).toEqual(["earlier", false]);
  });

  it("leaves no listener after its release", () => {
    const before = process.listenerCount("SIGINT");
    const { release } = begin();
    expect(process.listenerCount("SIGINT")).toBe(before + 1);
    release();
    expect(process.listenerCount("SIGINT")).toBe(before);
  });

  it("calls a listener at once where the signal has aborted", () => {
    let calls = 0;
    onAbort(AbortSignal.abort(), () => {
      calls += 1;
    });
    expect(calls).toBe(1);
  });
});
