/** The probe thread, started before the service that takes it. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const started = vi.hoisted(() => [] as object[]);
vi.mock("node:worker_threads", () => {
  class Worker {
    constructor() {
      started.push(this);
    }
    unref() {}
    once() {
      return this;
    }
    off() {
      return this;
    }
  }
  return { Worker };
});

beforeEach(() => {
  started.length = 0;
  vi.resetModules();
});
afterEach(() => vi.unstubAllEnvs());

const threads = () => import("../src/health/thread/probe-worker.ts");

describe("stargazer/early", () => {
  it("starts one thread, which the first service takes; the second one starts its own", async () => {
    await import("../src/early.ts");
    const { takeWorker } = await threads();
    expect(started).toHaveLength(1);
    expect(takeWorker()).toBe(started[0]);
    expect(takeWorker()).toBe(started[1]);
  });

  it("F67: keeps a signal as PID 1, and in no other process", async () => {
    vi.stubEnv("SG_PROBE_THREAD", "0");
    const before = process.listenerCount("SIGTERM");
    await import("../src/early.ts");
    expect(process.listenerCount("SIGTERM")).toBe(before);
    vi.resetModules();
    const { pid } = process;
    Object.defineProperty(process, "pid", { value: 1, configurable: true, writable: true });
    try {
      await import("../src/early.ts");
    } finally {
      Object.defineProperty(process, "pid", { value: pid, configurable: true, writable: true });
    }
    const { keptSignal } = await import("../src/process.ts");
    expect(keptSignal()).toBeUndefined();
    process.emit("SIGTERM", "SIGTERM");
    process.emit("SIGINT", "SIGINT");
    expect(keptSignal()).toBe("SIGTERM");
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGPWR", "SIGBREAK"])
      for (const listener of process.listeners(signal as "SIGTERM").slice(signal === "SIGTERM" ? before : 0))
        process.off(signal, listener);
  });

  it("starts none where SG_PROBE_THREAD is 0", async () => {
    vi.stubEnv("SG_PROBE_THREAD", "0");
    await import("../src/early.ts");
    expect(started).toEqual([]);
  });
});
