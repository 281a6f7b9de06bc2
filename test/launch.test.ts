/** What `launch` does to its process, with the process in the test's hands; on real ones it is tested in process.test.ts. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StargazerError } from "../src/errors.ts";
import { launch } from "../src/launch.ts";
import { StargazerService } from "../src/service/service.ts";
import type { HookContext } from "../src/service/types.ts";
import { announced, hasNoListener, lastLines, listeners, resetProcess, signal, state, uncaught } from "./kit/process-in-hand.ts";
import type { TestHooks } from "./kit/tier.ts";
import { aborted, hangs, TestTier } from "./kit/tier.ts";
import { turnsBetween } from "./kit/turns.ts";

vi.mock("../src/clock.ts", async (original) => ({
  ...(await original<object>()),
  every: (await import("./kit/global-timers.ts")).every,
}));
vi.mock("../src/foreground.ts", () => ({ leadsTerminal: () => state.leadsTerminal }));
vi.mock("../src/termination.ts", () => ({ writeTermination: () => {} }));
vi.mock("../src/process.ts", async () => (await import("./kit/process-in-hand.ts")).processInHand);

const alone = { redis: null, instanceId: "one", drainTimeoutMs: 500, stopTimeoutMs: 500 } as const;
const make = (hooks: TestHooks = {}, options = {}) => new TestTier({ ...alone, ...options }, hooks);
/** The timers of launch are the test's; those of a service are not. */
beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate", "performance"],
  });
  vi.clearAllTimers();
  resetProcess();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const launched = async (tier: TestTier) => {
  const report = launch(tier);
  await tier.waitFor("running");
  return report;
};

describe("a launched service", () => {
  it("resolves with its report, sets the exit code, and leaves no listener", async () => {
    const report = launch(make({ run: () => {} }));
    expect([listeners.signal.size, listeners.uncaught.size, listeners.gone.size, state.held]).toEqual([1, 1, 1, 1]);
    expect(await report).toMatchObject({ outcome: "completed", exitCode: 0 });
    expect([hasNoListener(), state.code, state.exited, state.released]).toEqual([true, 0, [], 1]);
  });

  it("announces each phase once to its supervisor, a tier's own included, and then the report", async () => {
    const onStart = ({ phase, defer }: HookContext) => {
      defer(() => {});
      return phase("tools", async () => {});
    };
    await launch(make({ onStart, run: () => {} }));
    expect(announced.slice(0, 5)).toEqual(["jitter", "pinging", "starting", "starting.tools", "starting"]);
    expect(announced).toContain("running");
    expect(announced.slice(-2)).toEqual(["stopped", { outcome: "completed" }]);
    for (const [at, phase] of announced.entries()) expect(phase).not.toBe(announced[at - 1]);
  });

  it("has its phases followed by nothing where there is no supervisor", async () => {
    state.isSupervised = false;
    await launch(make({ run: () => {} }));
    expect(announced).toEqual([{ outcome: "completed" }]);
  });

  it("announces nothing more once it has stopped", async () => {
    const tier = make({ run: () => {} });
    await launch(tier);
    const before = announced.length;
    await tier.shutdown();
    expect(announced).toHaveLength(before);
  });

  it("sets the exit code 1 where it fails, and writes its flight recording", async () => {
    const failing = make({ run: () => Promise.reject(new Error("torn")) });
    const written = vi.spyOn(StargazerService.prototype, "saveFlight").mockReturnValue();
    expect(await launch(failing)).toMatchObject({ exitCode: 1 });
    expect([state.code, written.mock.calls.length]).toEqual([1, 1]);
    const well = make({ run: () => {} });
    await launch(well);
    expect([state.code, written.mock.calls.length]).toEqual([1, 1]);
  });

  it("leaves the handlers in place while another service runs; the last one removes them", async () => {
    const [one, two] = [make(), make()];
    const reports = [launched(one), launched(two)];
    await Promise.all([one.waitFor("running"), two.waitFor("running")]);
    expect([listeners.signal.size, state.held]).toEqual([1, 1]);
    void one.shutdown();
    await reports[0]!;
    expect([two.state, listeners.signal.size]).toEqual(["running", 1]);
    signal();
    expect((await reports[1]!).reason).toBe("SIGTERM");
    expect(hasNoListener()).toBe(true);
  });

  it("is stopped as well where it is launched while the others stop", async () => {
    const first = make({ onStop: () => new Promise((resolve) => void setTimeout(resolve, 30)) });
    const report = launch(first);
    await first.waitFor("running");
    signal("SIGINT");
    const second = make();
    expect(await launch(second)).toMatchObject({ outcome: "shutdown", reason: "SIGINT" });
    expect(second.calls).toEqual([]);
    await report;
    const later = launch(make({ run: () => {} }));
    expect(await later).toMatchObject({ outcome: "completed" });
  });
});

describe("a factory", () => {
  const wrong = () => make({}, { healthPort: -1 });

  it("makes the service that is run", async () => {
    expect(await launch(() => make({ run: () => {} }))).toMatchObject({ outcome: "completed" });
  });

  it("with a configuration error prints it and exits 2, without a listener left", async () => {
    await expect(launch(wrong)).rejects.toThrow("the process has ended");
    expect(state.exited).toEqual([2]);
    expect(lastLines[0]).toMatch(/^SG_ERR_CONFIG_INVALID: the configuration of 'test' has 1 problem/);
    expect(hasNoListener()).toBe(true);
  });

  it("with any other error rejects with it; a value that is no service is refused", async () => {
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
    expect([state.exited, hasNoListener()]).toEqual([[], true]);
    await expect(launch((() => 7) as never)).rejects.toThrow("the process has ended");
    expect(state.exited).toEqual([2]);
  });

  it.each([[{}], [[{}]], [[]]])(
    "F69: given %j instead of a service is refused in a later turn of the event loop",
    async (given) => {
      expect(await turnsBetween(() => launch(given as never))).toBe(true);
    },
  );
});

describe("signals", () => {
  it("the first stops all as a shutdown; a repetition is ignored", async () => {
    const tier = make();
    const report = launch(tier);
    await tier.waitFor("running");
    signal();
    signal();
    signal("SIGINT");
    expect(state.exited).toEqual([]);
    expect(await report).toMatchObject({ outcome: "shutdown", reason: "SIGTERM", exitCode: 0 });
  });

  it("a second Ctrl-C at the terminal exits at once with its own code, and names what is waited for", async () => {
    state.leadsTerminal = true;
    const tier = make({ onStop: hangs });
    const saved = vi.spyOn(StargazerService.prototype, "saveFlight").mockReturnValue();
    const report = launch(tier);
    await tier.waitFor("running");
    signal();
    await tier.waitFor("stopping");
    await vi.advanceTimersByTimeAsync(30);
    expect(() => signal("SIGINT")).toThrow("the process has ended");
    expect(state.exited).toEqual([143]);
    expect(lastLines).toEqual(["SIGINT again: exiting at once, without waiting for test/one in stopping.unwinding"]);
    expect(saved).toHaveBeenCalledTimes(1);
    await report;
  });

  it("an exit by other code is no success, and names what is cut off", async () => {
    const tier = make();
    const saved = vi.spyOn(StargazerService.prototype, "saveFlight").mockReturnValue();
    const report = launch(tier);
    await tier.waitFor("running");
    for (const handler of listeners.exit) handler();
    expect(lastLines).toEqual(["other code ended the process: exiting at once, without waiting for test/one in running"]);
    expect([state.code, saved.mock.calls.length]).toEqual([1, 1]);
    signal();
    await report;
    expect(hasNoListener()).toBe(true);
  });

  it("F67: a signal that was kept before the launch stops the service, which never boots", async () => {
    state.kept = "SIGTERM";
    const tier = make();
    expect(await launch(tier)).toMatchObject({ outcome: "shutdown", reason: "SIGTERM", exitCode: 0 });
    expect(tier.calls).toEqual([]);
  });

  it("the loss of the supervisor stops every service", async () => {
    const tier = make();
    const report = launch(tier);
    await tier.waitFor("running");
    for (const handler of listeners.gone) handler("the supervisor is gone");
    expect((await report).reason).toBe("the supervisor is gone");
  });
});

describe("uncaught errors", () => {
  it("the first one stops every service as failed with that cause, a second one exits 1 at once", async () => {
    const tier = make({ run: ({ signal: stop }) => aborted(stop).then(hangs) });
    const saved = vi.spyOn(StargazerService.prototype, "saveFlight").mockReturnValue();
    const report = launch(tier);
    await tier.waitFor("running");
    const torn = new TypeError("torn");
    uncaught(torn);
    expect([saved.mock.calls.length, state.exited]).toEqual([0, []]);
    expect(() => uncaught("again")).toThrow("the process has ended");
    expect([saved.mock.calls.length, state.exited]).toEqual([1, [1]]);
    expect(lastLines[0]).toMatch(
      /^uncaught again: uncaught: again; exiting at once, without waiting for test\/one in stopping\./,
    );
    const { outcome, error } = await report;
    expect([outcome, error?.code, error?.message, error?.cause]).toEqual(["failed", "SG_ERR_UNCAUGHT", "uncaught: torn", torn]);
  });
});

describe("a process that does not end", () => {
  it("names what is open 1 s after its last service has stopped, and exits with its code", async () => {
    const failing = make({ run: () => Promise.reject(new Error("torn")) });
    vi.spyOn(StargazerService.prototype, "saveFlight").mockReturnValue();
    await launch(failing);
    vi.advanceTimersByTime(999);
    expect(state.exited).toEqual([]);
    expect(() => vi.advanceTimersByTime(1)).toThrow("the process has ended");
    expect(state.exited).toEqual([1]);
    expect(lastLines).toEqual(["still alive 1000 ms after the last service stopped; open: Timeout, TCPSocketWrap × 2"]);
  });

  it("has a whole second after the last service, also where others stopped before", async () => {
    await launch(make({ run: () => {} }));
    vi.advanceTimersByTime(900);
    await launch(make({ run: () => {} }));
    vi.advanceTimersByTime(999);
    expect(state.exited).toEqual([]);
    expect(() => vi.advanceTimersByTime(1)).toThrow("the process has ended");
  });

  it("is left alone while another service runs", async () => {
    await launch(make({ run: () => {} }));
    const next = make();
    const report = launch(next);
    await next.waitFor("running");
    vi.advanceTimersByTime(2000);
    expect([state.exited, lastLines]).toEqual([[], []]);
    void next.shutdown();
    await report;
  });
});
