/** Signals as a command sees them, with a clock of the test's own. */
import { afterEach, describe, expect, it } from "vitest";
import type { Interruption } from "../../src/cli/signals.ts";
import { interrupted, onAbort } from "../../src/cli/signals.ts";

describe("an interruption", () => {
  let time = 0;
  let interruption: Interruption | undefined;
  const begin = (): Interruption => {
    time = 0;
    interruption = interrupted(() => time);
    return interruption;
  };
  const send = (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => process.emit(signal, signal);
  afterEach(() => interruption?.release());

  it("stops at the first signal, and forces at one more than 100 ms after it", () => {
    const { signal, forced } = begin();
    send("SIGINT");
    expect([signal.reason, forced.aborted]).toEqual(["SIGINT", false]);
    time = 100;
    send("SIGTERM");
    expect(forced.aborted).toBe(false);
    time = 101;
    send("SIGTERM");
    expect([signal.reason, forced.reason]).toEqual(["SIGINT", "SIGTERM"]);
  });

  it("is not forced by its first signal, also where handling that takes long", () => {
    const { signal, forced } = begin();
    onAbort(signal, () => {
      time = 5000;
    });
    send("SIGINT");
    expect([signal.aborted, forced.aborted]).toEqual([true, false]);
  });

  it("is stopped, and never forced, by SIGHUP and by `stop`", () => {
    const { signal, forced, stop } = begin();
    send("SIGHUP");
    time = 200;
    send("SIGHUP");
    stop("later");
    expect([signal.reason, forced.aborted]).toEqual(["SIGHUP", false]);
    send("SIGINT");
    expect(forced.aborted).toBe(false);
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
