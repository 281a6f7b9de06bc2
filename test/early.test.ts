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

  it("starts none where SG_PROBE_THREAD is 0", async () => {
    vi.stubEnv("SG_PROBE_THREAD", "0");
    await import("../src/early.ts");
    expect(started).toEqual([]);
  });
});
