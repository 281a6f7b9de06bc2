/** What `launch` does to its process, with the process in the test's hands; on real ones it is tested in process.test.ts. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StargazerError } from "../src/errors.ts";
import { launch } from "../src/launch.ts";
import type { HookContext } from "../src/service/types.ts";
import type { TestHooks } from "./kit/tier.ts";
import { aborted, hangs, TestTier } from "./kit/tier.ts";

/** The process: who listens, what was said, and how it was ended. */
const hands = vi.hoisted(() => {
  const listeners = {
    signal: new Set<(s: string) => void>(),
    uncaught: new Set<(e: unknown) => void>(),
    gone: new Set<() => void>(),
  };
  const said: string[] = [];
  const told: unknown[] = [];
  const state = { exited: [] as number[], code: 0, held: 0, released: 0, leadsTerminal: false };
  return { listeners, said, told, state };
});
vi.mock("../src/foreground.ts", () => ({ leadsTerminal: () => hands.state.leadsTerminal }));
vi.mock("../src/process.ts", () => {
  const { listeners, said, told, state } = hands;
  const listening = (set: Set<unknown>) => (handler: unknown) => {
    set.add(handler);
    return () => void set.delete(handler);
  };
  return {
    onSignals: listening(listeners.signal as Set<unknown>),
    onUncaught: listening(listeners.uncaught as Set<unknown>),
    onSupervisorGone: listening(listeners.gone as Set<unknown>),
    holdOpen: () => {
      state.held += 1;
      return () => void (state.held -= 1);
    },
    releaseChannel: async () => void (state.released += 1),
    emitLaunched: () => {},
    announce: (phase: string) => void told.push(phase),
    announceReport: ({ outcome }: { outcome: string }) => void told.push({ outcome }),
    setExitCode: (code: number) => void (state.code = Math.max(state.code, code)),
    exitCode: () => state.code,
    exit: (code: number) => {
      state.exited.push(code);
      throw new Error("the process has ended");
    },
    writeLastLine: (line: string) => void said.push(line),
    openResources: () => ["Timeout", "TCPSocketWrap × 2"],
    signalExitCode: () => 143,
    writeOut: () => {},
  };
});

const { listeners, said, told, state } = hands;
const alone = { redis: null, instanceId: "one", drainTimeoutMs: 500, stopTimeoutMs: 500 } as const;
const make = (hooks: TestHooks = {}, options = {}) => new TestTier({ ...alone, ...options }, hooks);
const signal = (name = "SIGTERM") => {
  for (const handler of listeners.signal) handler(name);
};
const uncaught = (error: unknown) => {
  for (const handler of listeners.uncaught) handler(error);
};
const nobody = () =>
  [listeners.signal.size, listeners.uncaught.size, listeners.gone.size, state.held].every((count) => count === 0);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  vi.clearAllTimers();
  for (const list of [said, told, state.exited]) list.length = 0;
  Object.assign(state, { code: 0, released: 0, leadsTerminal: false });
});
afterEach(() => vi.useRealTimers());

/** Runs until `promise` has settled: the service's timers are the test's too. */
const settled = async <T>(promise: Promise<T>): Promise<T> => {
  let done = false;
  const end = () => void (done = true);
  promise.then(end, end);
  while (!done) await vi.advanceTimersByTimeAsync(1);
  return promise;
};
const launched = async (tier: TestTier) => {
  const report = launch(tier);
  await settled(tier.waitFor("running"));
  return report;
};

describe("a launched service", () => {
  it("resolves with its report, sets the exit code, and leaves nobody listening", async () => {
    const report = launch(make({ run: () => {} }));
    expect([listeners.signal.size, listeners.uncaught.size, listeners.gone.size, state.held]).toEqual([1, 1, 1, 1]);
    expect(await settled(report)).toMatchObject({ outcome: "completed", exitCode: 0 });
    expect([nobody(), state.code, state.exited, state.released]).toEqual([true, 0, [], 1]);
  });

  it("tells its supervisor each phase once, a tier's own included, and the report", async () => {
    const onStart = ({ phase, defer }: HookContext) => {
      defer(() => {});
      return phase("tools", async () => {});
    };
    await settled(launch(make({ onStart, run: () => {} })));
    expect(told.slice(0, 5)).toEqual(["jitter", "pinging", "starting", "starting.tools", "starting"]);
    expect(told).toContain("running");
    expect(told.slice(-2)).toEqual(["stopped", { outcome: "completed" }]);
    for (const [at, phase] of told.entries()) expect(phase).not.toBe(told[at - 1]);
  });

  it("tells nothing more once it has stopped", async () => {
    const tier = make({ run: () => {} });
    await settled(launch(tier));
    const before = told.length;
    await tier.shutdown();
    expect(told).toHaveLength(before);
  });

  it("that fails sets 1, and what it did last is written", async () => {
    const failing = make({ run: () => Promise.reject(new Error("torn")) });
    const written = vi.spyOn(failing, "saveFlight").mockReturnValue();
    expect(await settled(launch(failing))).toMatchObject({ exitCode: 1 });
    expect([state.code, written.mock.calls.length]).toEqual([1, 1]);
    const well = make({ run: () => {} });
    const none = vi.spyOn(well, "saveFlight");
    await settled(launch(well));
    expect([state.code, none.mock.calls.length]).toEqual([1, 0]);
  });

  it("keeps the others' handlers, and the last one takes them away", async () => {
    const [one, two] = [make(), make()];
    const reports = [launched(one), launched(two)];
    await settled(Promise.all([one.waitFor("running"), two.waitFor("running")]));
    expect([listeners.signal.size, state.held]).toEqual([1, 1]);
    void one.shutdown();
    await settled(reports[0]!);
    expect([two.state, listeners.signal.size]).toEqual(["running", 1]);
    signal();
    expect((await settled(reports[1]!)).reason).toBe("SIGTERM");
    expect(nobody()).toBe(true);
  });

  it("that is launched while the others stop is stopped too", async () => {
    const first = make({ onStop: () => new Promise((resolve) => void setTimeout(resolve, 30)) });
    const report = launch(first);
    await settled(first.waitFor("running"));
    signal("SIGINT");
    const second = make();
    expect(await settled(launch(second))).toMatchObject({ outcome: "shutdown", reason: "SIGINT" });
    expect(second.calls).toEqual([]);
    await settled(report);
    const later = launch(make({ run: () => {} }));
    expect(await settled(later)).toMatchObject({ outcome: "completed" });
  });
});

describe("a factory", () => {
  const wrong = () => make({}, { healthPort: -1 });

  it("makes the service that is run", async () => {
    expect(await settled(launch(() => make({ run: () => {} })))).toMatchObject({ outcome: "completed" });
  });

  it("with a configuration error prints it and exits 2, nobody listening", async () => {
    await expect(launch(wrong)).rejects.toThrow("the process has ended");
    expect(state.exited).toEqual([2]);
    expect(said[0]).toMatch(/^SG_ERR_CONFIG_INVALID: the configuration of 'test' has 1 problem/);
    expect(nobody()).toBe(true);
  });

  it("with any other error rejects with it, and so does a service that is none", async () => {
    const broken = () => {
      throw new Error("no such module");
    };
    await expect(launch(broken)).rejects.toThrow("no such module");
    const odd = () => {
      throw undefined;
    };
    await expect(launch(odd)).rejects.toBeUndefined();
    const torn = new StargazerError("SG_ERR_REGISTRY", "torn");
    await expect(
      launch(() => {
        throw torn;
      }),
    ).rejects.toBe(torn);
    for (const [given, what] of [
      [7, "number"],
      [undefined, "undefined"],
      [{}, "object"],
      [{ runToCompletion: () => {} }, "object"],
      [{ runToCompletion: () => {}, actor: {} }, "object"],
      [{ actor: { subscribe: () => {} } }, "object"],
      [Promise.resolve(), "a promise: await"],
      [TestTier, "the class TestTier: write launch(() => new TestTier({ ... }))"],
      [class Other {}, "the class Other: write launch(() => new Other({ ... }))"],
    ])
      await expect(launch(given as never)).rejects.toMatchObject({
        code: "SG_ERR_CONFIG_INVALID",
        message: expect.stringContaining(`not ${what}`),
      });
    expect([state.exited, nobody()]).toEqual([[], true]);
    await expect(launch((() => 7) as never)).rejects.toThrow("the process has ended");
    expect(state.exited).toEqual([2]);
  });
});

describe("signals", () => {
  it("the first stops all as a shutdown; a repetition is ignored", async () => {
    const tier = make();
    const report = launch(tier);
    await settled(tier.waitFor("running"));
    signal();
    signal();
    signal("SIGINT");
    expect(state.exited).toEqual([]);
    expect(await settled(report)).toMatchObject({ outcome: "shutdown", reason: "SIGTERM", exitCode: 0 });
  });

  it("a second Ctrl-C at the terminal exits at once with its own code, and names what is waited for", async () => {
    state.leadsTerminal = true;
    const tier = make({ onStop: hangs });
    const saved = vi.spyOn(tier, "saveFlight").mockReturnValue();
    const report = launch(tier);
    await settled(tier.waitFor("running"));
    signal();
    await settled(tier.waitFor("stopping"));
    await vi.advanceTimersByTimeAsync(30);
    expect(() => signal("SIGINT")).toThrow("the process has ended");
    expect(state.exited).toEqual([143]);
    expect(said).toEqual(["SIGINT again: exiting at once, without waiting for test/one in stopping.unwinding"]);
    expect(saved).toHaveBeenCalledTimes(1);
    await settled(report);
  });

  it("a supervisor that is gone stops all", async () => {
    const tier = make();
    const report = launch(tier);
    await settled(tier.waitFor("running"));
    for (const handler of listeners.gone) handler();
    expect((await settled(report)).reason).toBe("the supervisor is gone");
  });
});

describe("errors nobody caught", () => {
  it("the first stops all as failed with that cause, a second exits 1 at once", async () => {
    const tier = make({ run: ({ signal: stop }) => aborted(stop).then(hangs) });
    const saved = vi.spyOn(tier, "saveFlight").mockReturnValue();
    const report = launch(tier);
    await settled(tier.waitFor("running"));
    const torn = new TypeError("torn");
    uncaught(torn);
    expect([saved.mock.calls.length, state.exited]).toEqual([0, []]);
    expect(() => uncaught("again")).toThrow("the process has ended");
    expect([saved.mock.calls.length, state.exited]).toEqual([1, [1]]);
    expect(said[0]).toMatch(/^uncaught again: uncaught: again; exiting at once, without waiting for test\/one in stopping\./);
    const { outcome, error } = await settled(report);
    expect([outcome, error?.code, error?.message, error?.cause]).toEqual(["failed", "SG_ERR_UNCAUGHT", "uncaught: torn", torn]);
  });
});

describe("a process that does not end", () => {
  it("1 s after its last service has stopped names what is open, and exits with its code", async () => {
    const failing = make({ run: () => Promise.reject(new Error("torn")) });
    vi.spyOn(failing, "saveFlight").mockReturnValue();
    await settled(launch(failing));
    vi.advanceTimersByTime(999);
    expect(state.exited).toEqual([]);
    expect(() => vi.advanceTimersByTime(1)).toThrow("the process has ended");
    expect(state.exited).toEqual([1]);
    expect(said).toEqual(["still alive 1000 ms after the last service stopped; open: Timeout, TCPSocketWrap × 2"]);
  });

  it("has its whole second after the last of its services, also where others ended before", async () => {
    await settled(launch(make({ run: () => {} })));
    vi.advanceTimersByTime(900);
    await settled(launch(make({ run: () => {} })));
    vi.advanceTimersByTime(999);
    expect(state.exited).toEqual([]);
    expect(() => vi.advanceTimersByTime(1)).toThrow("the process has ended");
  });

  it("is left alone while another service runs", async () => {
    await settled(launch(make({ run: () => {} })));
    const next = make();
    const report = launch(next);
    await settled(next.waitFor("running"));
    vi.advanceTimersByTime(2000);
    expect([state.exited, said]).toEqual([[], []]);
    void next.shutdown();
    await settled(report);
  });
});
