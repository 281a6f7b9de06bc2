/** Which repetition of a signal forces the exit: by the process's own running time, and by the terminal that it leads. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { onStopSignals } from "../src/stop-signals.ts";

const process = vi.hoisted(() => ({ handlers: new Set<(signal: string) => void>(), leads: false }));
vi.mock("../src/foreground.ts", () => ({ leadsTerminal: () => process.leads }));
vi.mock("../src/clock.ts", async (original) => ({
  ...(await original<object>()),
  every: (await import("./kit/global-timers.ts")).every,
}));
vi.mock("../src/process.ts", () => ({
  onSignals: (handler: (signal: string) => void) => {
    process.handlers.add(handler);
    return () => process.handlers.delete(handler);
  },
}));

const calls: string[] = [];
const begin = () =>
  onStopSignals({ stop: (signal) => void calls.push(`stop ${signal}`), force: (signal) => void calls.push(`force ${signal}`) });
const send = (...signals: string[]) => {
  for (const signal of signals) for (const handler of process.handlers) handler(signal);
};

beforeEach(() => {
  vi.useFakeTimers();
  calls.length = 0;
  process.leads = false;
});
afterEach(() => vi.useRealTimers());

describe("a repeated signal", () => {
  it.each(["SIGTERM", "SIGINT", "SIGQUIT"])("%s is ignored for 1000 ms of running time, then forces the exit", (again) => {
    const end = begin();
    send("SIGTERM", again);
    vi.advanceTimersByTime(1049);
    send(again);
    expect(calls).toEqual(["stop SIGTERM"]);
    vi.advanceTimersByTime(1);
    send(again);
    expect(calls).toEqual(["stop SIGTERM", `force ${again}`]);
    end();
  });

  it("is ignored after a pause of the process, however long by the clock", () => {
    const end = begin();
    send("SIGTERM");
    for (let pauses = 0; pauses < 20; pauses += 1) {
      vi.setSystemTime(Date.now() + 60_000);
      vi.advanceTimersToNextTimer();
    }
    send("SIGTERM");
    expect(calls).toEqual(["stop SIGTERM"]);
    end();
  });

  it.each(["SIGINT", "SIGQUIT", "SIGBREAK"])("%s from the terminal that the process leads forces the exit at once", (key) => {
    process.leads = true;
    const end = begin();
    send("SIGINT", "SIGTERM");
    expect(calls).toEqual(["stop SIGINT"]);
    send(key);
    expect(calls).toEqual(["stop SIGINT", `force ${key}`]);
    end();
  });

  it.each(["SIGHUP", "SIGUSR2", "SIGPWR"])("%s, which no person sends, never forces the exit", (signal) => {
    process.leads = true;
    const end = begin();
    send(signal);
    vi.advanceTimersByTime(60_000);
    send(signal);
    expect(calls).toEqual([`stop ${signal}`]);
    end();
  });

  it.each<[string, string | number | undefined]>([
    ["SIGTERM", "SIGTERM"],
    ["SIGTERM", undefined],
    ["SIGTERM", 15],
    ["SIGINT", 2],
  ])("F73: %s that code of the process sends itself, as %s, forces nothing; the next one does", (signal, as) => {
    const { kill, pid } = globalThis.process;
    const sent = vi.spyOn(globalThis.process, "kill").mockReturnValue(true);
    const end = begin();
    send("SIGTERM");
    vi.advanceTimersByTime(60_000);
    globalThis.process.kill(pid, as);
    expect(sent).toHaveBeenCalledOnce();
    send(signal);
    expect(calls).toEqual(["stop SIGTERM"]);
    send(signal);
    expect(calls).toEqual(["stop SIGTERM", `force ${signal}`]);
    end();
    expect(globalThis.process.kill).toBe(sent);
    sent.mockRestore();
    expect(globalThis.process.kill).toBe(kill);
  });

  it("F73: one that code of the process sends itself is a shutdown where it is the first", () => {
    const sent = vi.spyOn(globalThis.process, "kill").mockReturnValue(true);
    const end = begin();
    globalThis.process.kill(globalThis.process.pid, "SIGTERM");
    send("SIGTERM");
    expect(calls).toEqual(["stop SIGTERM"]);
    end();
    sent.mockRestore();
  });

  it("is not counted once the handlers are removed, and no timer is left", () => {
    const end = begin();
    send("SIGTERM");
    expect(vi.getTimerCount()).toBe(1);
    end();
    expect([process.handlers.size, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
