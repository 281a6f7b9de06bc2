/** The contract's sections 1 to 3 without Redis: order, promises, hooks, budgets, reports. */
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { LifecycleSnapshot } from "../../machines/index.ts";
import type { Logger, ServiceFact, StopReport } from "../../src/index.ts";
import { StargazerError, StargazerService, stateNames } from "../../src/index.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, hangs, TestTier } from "../kit/tier.ts";

const alone = { redis: null } as const;
const quick = { drainTimeoutMs: 60, stopTimeoutMs: 60, startTimeoutMs: 60 };
const make = (hooks: TestHooks = {}, options = {}) => new TestTier({ ...alone, ...options }, hooks);

const running = async (tier: TestTier): Promise<void> => {
  void tier.runToCompletion();
  await tier.waitFor("running");
};
const stoppedWhileRunning = async (hooks: TestHooks, options = {}): Promise<StopReport> => {
  const tier = make(hooks, options);
  await running(tier);
  return tier.shutdown("test");
};
const outcomes = (report: StopReport) => Object.fromEntries(report.phases.map(({ phase, outcome }) => [phase, outcome]));

describe("the order of states", () => {
  it("enters all nine states, in order, and marks the work that was skipped", async () => {
    const tier = make();
    await running(tier);
    const report = await tier.shutdown();
    expect(tier.states).toEqual([...stateNames]);
    expect(tier.calls).toEqual(["onStart", "run", "onStop"]);
    expect(outcomes(report)).toEqual({
      init: "done",
      jitter: "done",
      pinging: "skipped",
      starting: "done",
      registering: "skipped",
      healthy: "skipped",
      running: "done",
      stopping: "done",
      "stopping.announcing": "done",
      "stopping.closing": "skipped",
      "stopping.deregistering": "skipped",
      "stopping.draining": "done",
      "stopping.unwinding": "done",
      "stopping.releasing": "skipped",
      "stopping.disconnecting": "done",
      stopped: "done",
    });
    expect(report).toMatchObject({ outcome: "shutdown", reason: "shutdown", exitCode: 0, failures: [] });
  });

  it("is completed by a run that returns", async () => {
    const tier = make({ run: () => {} });
    expect(await tier.runToCompletion()).toMatchObject({ outcome: "completed", exitCode: 0 });
    expect(tier.calls).toEqual(["onStart", "run", "onStop"]);
  });

  it("leads from init to stopped at a shutdown, and touches nothing", async () => {
    const tier = make();
    expect(await tier.shutdown("not needed")).toMatchObject({ outcome: "shutdown", reason: "not needed", exitCode: 0 });
    expect(tier.calls).toEqual([]);
    expect(tier.states).toEqual(["init", "stopped"]);
  });
});

describe("the calls", () => {
  it("configuration() has each option with its value, in every state", async () => {
    const tier = make({}, { drainDelayMs: 7 });
    const entryOf = (name: string) => tier.configuration().find(({ option }) => option === name);
    expect(entryOf("redis")).toMatchObject({ value: null, source: "option" });
    await tier.shutdown();
    expect(entryOf("drainDelayMs")).toMatchObject({ value: 7, source: "option" });
  });

  it("boot resolves in healthy, before run", async () => {
    const tier = make();
    await tier.boot();
    expect([tier.state, tier.calls]).toEqual(["healthy", ["onStart"]]);
    await tier.shutdown();
  });

  it("boot() in a state without an arrow for it rejects, naming the state and what is allowed", async () => {
    const tier = make();
    const facts: ServiceFact[] = [];
    tier.onFact((fact) => void facts.push(fact));
    await tier.boot();
    await expect(tier.boot()).rejects.toMatchObject({
      code: "SG_ERR_ILLEGAL_TRANSITION",
      message: "boot() is not allowed in state 'healthy'. Allowed: run, shutdown.",
    });
    expect(facts.at(-1)).toEqual({ type: "command.refused", command: "boot", path: "healthy.ready" });
    await tier.shutdown();
    await expect(tier.boot()).rejects.toThrow("boot() is not allowed in state 'stopped'. Allowed: nothing.");
  });

  it("every runToCompletion() is one promise, every shutdown() another, and both resolve with the same report", async () => {
    const tier = make();
    const first = tier.runToCompletion();
    expect(tier.runToCompletion()).toBe(first);
    const stop = tier.shutdown("one");
    expect(tier.shutdown("two")).toBe(stop);
    expect(await first).toBe(await stop);
    expect((await stop).reason).toBe("one");
    expect(tier.runToCompletion()).toBe(first);
  });

  it("runToCompletion joins a boot under way", async () => {
    const tier = make({ run: () => {} });
    const boot = tier.boot();
    const report = tier.runToCompletion();
    await boot;
    expect(await report).toMatchObject({ outcome: "completed" });
  });

  it("runToCompletion resolves after a shutdown between healthy and running", async () => {
    const tier = make();
    await tier.boot();
    const stop = tier.shutdown();
    expect(await tier.runToCompletion()).toBe(await stop);
    expect(tier.calls).toEqual(["onStart", "onStop"]);
  });

  it("boot rejects with SG_ERR_BOOT_ABORTED after a shutdown, once everything begun is undone", async () => {
    const tier = make({ onStart: ({ signal }) => aborted(signal) });
    const boot = tier.boot();
    boot.catch(() => {});
    await tier.waitFor("starting");
    void tier.shutdown("changed my mind");
    await expect(boot).rejects.toMatchObject({ code: "SG_ERR_BOOT_ABORTED" });
    expect([tier.state, tier.calls]).toEqual(["stopped", ["onStart", "onStop"]]);
  });

  it("waitFor rejects at once where the state can no longer come, and with the signal's reason", async () => {
    const tier = make();
    await tier.boot();
    await expect(tier.waitFor("starting")).rejects.toMatchObject({ code: "SG_ERR_STATE_UNREACHABLE" });
    await expect(tier.waitFor("running", { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    const waiting = tier.waitFor("running");
    waiting.catch(() => {});
    void tier.shutdown();
    await expect(waiting).rejects.toMatchObject({ code: "SG_ERR_STATE_UNREACHABLE" });
    await expect(tier.waitFor("asleep" as never)).rejects.toMatchObject({
      code: "SG_ERR_CONFIG_INVALID",
      message: expect.stringContaining("'asleep' is no state"),
    });
    for (const signal of [null, {}, "soon"])
      await expect(tier.waitFor("stopped", { signal } as never)).rejects.toMatchObject({ code: "SG_ERR_CONFIG_INVALID" });
    await tier.waitFor("stopped", null as never);
  });

  it("a shutdown with an Error as its reason makes the outcome failed, also while stopping", async () => {
    const tier = make();
    await tier.boot();
    expect(await tier.shutdown(new Error("disk full"))).toMatchObject({
      outcome: "failed",
      exitCode: 1,
      error: { code: "SG_ERR_FAILED", phase: "healthy", message: "disk full" },
    });
    const late = make({ onStop: (_, self) => void self.shutdown(new Error("late")) });
    await late.boot();
    expect(await late.shutdown("first")).toMatchObject({ outcome: "failed", reason: "first", error: { message: "late" } });
  });

  it("two services in one process do not touch each other", async () => {
    const [one, two] = [make(), make()];
    await Promise.all([running(one), running(two)]);
    await one.shutdown();
    expect([one.state, two.state]).toEqual(["stopped", "running"]);
    await two.shutdown();
  });
});

/** A revoked proxy, as some libraries leave them behind: not even `instanceof` may be asked of it. */
const throws = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  throw proxy;
};

describe("failures", () => {
  it("an onStart that throws is undone: what it deferred is released, onStop is called", async () => {
    const released: string[] = [];
    const tier = make({
      onStart: (context) => {
        context.defer(() => void released.push("first"));
        context.defer(() => void released.push("second"));
        throw new Error("no tools");
      },
    });
    await expect(tier.boot()).rejects.toMatchObject({
      code: "SG_ERR_START_FAILED",
      phase: "starting",
      message: "onStart failed: no tools",
    });
    expect([tier.calls, released]).toEqual([
      ["onStart", "onStop"],
      ["second", "first"],
    ]);
  });

  it("an onStart that hangs is cut at its deadline: its signal aborts, and it is undone", async () => {
    let wasAborted = false;
    const tier = make({ onStart: async ({ signal }) => aborted(signal).then(() => void (wasAborted = true)) }, quick);
    await expect(tier.boot()).rejects.toMatchObject({ code: "SG_ERR_START_TIMEOUT" });
    expect([wasAborted, tier.calls]).toEqual([true, ["onStart", "onStop"]]);
  });

  it("a run that throws is the first failure, and later ones do not hide it", async () => {
    const tier = make({
      run: () => {
        throw new TypeError("bad message");
      },
      onStop: () => {
        throw new Error("and again");
      },
    });
    const report = await tier.runToCompletion();
    expect(report).toMatchObject({ outcome: "failed", reason: "run failed", exitCode: 1 });
    expect(report.failures.map(({ code }) => code)).toEqual(["SG_ERR_RUN_FAILED", "SG_ERR_STOP_FAILED"]);
    expect(report.error).toBeInstanceOf(StargazerError);
    expect(report.error).toMatchObject({ code: "SG_ERR_RUN_FAILED", phase: "running" });
    expect(report.error?.cause).toBeInstanceOf(TypeError);
  });

  it.each([
    ["onStart", { onStart: throws }],
    ["run", { run: throws }],
    ["onStop", { run: () => {}, onStop: throws }],
    ["a release", { run: () => {}, onStart: ({ defer }) => defer(throws) }],
  ] satisfies [string, TestHooks][])(
    "what cannot even be looked at, thrown by %s, ends the service as anything else",
    async (_who, hooks) => {
      const report = await make(hooks).runToCompletion();
      expect(report).toMatchObject({ outcome: "failed", exitCode: 1 });
      expect(report.error?.message).toContain("something that cannot be printed was thrown");
    },
  );

  it("a release with a name that is no string fails as one without a name", async () => {
    const release = Object.defineProperty(() => Promise.reject(new Error("torn")), "name", { value: Symbol("odd") });
    const report = await stoppedWhileRunning({ onStart: ({ defer }) => defer(release) });
    expect(report.failures.map(({ message }) => message)).toEqual(["a release failed: torn"]);
  });

  it.each([
    ["another error", () => new Error("torn"), ["SG_ERR_STOP_TIMEOUT", "SG_ERR_STOP_FAILED"]],
    ["the reason of its signal", ({ reason }: AbortSignal) => reason as unknown, ["SG_ERR_STOP_TIMEOUT"]],
  ])("an onStop that rejects past its deadline with %s keeps the deadline as the first failure", async (_what, error, codes) => {
    const onStop = ({ signal }: { readonly signal: AbortSignal }) => aborted(signal).then(() => Promise.reject(error(signal)));
    const report = await stoppedWhileRunning({ onStop }, quick);
    expect(report.failures.map(({ code }) => code)).toEqual(codes);
    expect(report.error).toMatchObject({ code: "SG_ERR_STOP_TIMEOUT", phase: "stopping.unwinding" });
  });

  it("a run that ignores its signal takes the whole drain, is named, and onStop is still called, once", async () => {
    const report = await stoppedWhileRunning({ run: hangs }, quick);
    expect(report.failures).toMatchObject([{ phase: "stopping.draining", code: "SG_ERR_DRAIN_TIMEOUT" }]);
    expect(outcomes(report)).toMatchObject({ "stopping.draining": "timeout", "stopping.unwinding": "done" });
  });

  it("an onStop that hangs is cut, and what was deferred is still released", async () => {
    let released = false;
    const report = await stoppedWhileRunning(
      { onStart: ({ defer }) => defer(() => void (released = true)), onStop: hangs },
      quick,
    );
    expect(report.failures).toMatchObject([{ phase: "stopping.unwinding", code: "SG_ERR_STOP_TIMEOUT" }]);
    expect(released).toBe(true);
  });

  it("a release that hangs or throws is named, and keeps no other from running", async () => {
    const released: string[] = [];
    const report = await stoppedWhileRunning(
      {
        onStart: ({ defer }) => {
          defer(() => void released.push("last"));
          defer(async function closePool() {
            await hangs();
          });
          defer(() => Promise.reject(new Error("was closed already")));
        },
      },
      // half of it is the share of the release that hangs
      { ...quick, stopTimeoutMs: 2000 },
    );
    expect(released).toEqual(["last"]);
    expect(report.failures.map(({ code }) => code)).toEqual(["SG_ERR_STOP_FAILED", "SG_ERR_STOP_TIMEOUT"]);
    expect(report.failures[1]?.message).toContain("'closePool'");
  });

  it("a stop in which every hook hangs keeps to its budget", async () => {
    const tier = make({ run: hangs, onStop: hangs, onStart: ({ defer }) => defer(hangs) }, { shutdownTimeoutMs: 400 });
    await running(tier);
    const report = await tier.shutdown();
    expect(report.failures.map(({ phase }) => phase)).toEqual(["stopping.draining", "stopping.unwinding", "stopping.releasing"]);
  });

  it("a hook that rejects with its signal's reason or an AbortError has not failed; any other error is a failure", async () => {
    const ends = (error: (signal: AbortSignal) => unknown) =>
      stoppedWhileRunning({ run: ({ signal }) => aborted(signal).then(() => Promise.reject(error(signal))) });
    expect((await ends(({ reason }) => reason)).outcome).toBe("shutdown");
    expect((await ends(() => new DOMException("stop", "AbortError"))).outcome).toBe("shutdown");
    expect(await ends(() => new Error("lost a write"))).toMatchObject({
      outcome: "failed",
      error: { code: "SG_ERR_RUN_FAILED" },
    });
  });

  it("an onStart that is cut by a shutdown and fails before the drain is a failure", async () => {
    let fail = (_: Error) => {};
    const tier = make({ onStart: () => new Promise((_, reject) => (fail = reject)) });
    const boot = tier.boot();
    boot.catch(() => {});
    await tier.waitFor("starting");
    const stop = tier.shutdown();
    fail(new Error("half done"));
    expect(await stop).toMatchObject({ outcome: "failed", reason: "shutdown", error: { code: "SG_ERR_START_FAILED" } });
  });
});

describe("the context of the hooks", () => {
  it("names the tier's phases, nested, timed and with their outcome", async () => {
    const tier = make({
      onStart: async ({ phase }) => {
        expect(await phase("tools", () => phase("index", async () => 7))).toBe(7);
        await phase("cache", () => Promise.reject(new Error("cold"))).catch(() => {});
      },
      run: () => {},
    });
    expect(outcomes(await tier.runToCompletion())).toMatchObject({
      "starting.tools": "done",
      "starting.tools.index": "done",
      "starting.cache": "failed",
    });
  });

  it("a phase rethrows unchanged, and does not begin once the signal has aborted", async () => {
    const error = new RangeError("as it was");
    let begun = false;
    const report = await stoppedWhileRunning({
      run: async ({ phase, signal }) => {
        await expect(phase("odd", () => Promise.reject(error))).rejects.toBe(error);
        await aborted(signal);
        await phase("late", () => void (begun = true));
      },
    });
    expect([begun, report.outcome]).toEqual([false, "shutdown"]);
  });

  it("releases at once what is deferred after the unwinding", async () => {
    let defer = (_: () => void) => {};
    await stoppedWhileRunning({ onStart: (context) => void (defer = context.defer) });
    let released = false;
    defer(() => void (released = true));
    expect(released).toBe(true);
  });

  it("throws at `redis` where the service has none", async () => {
    const tier = make({ onStart: ({ redis }) => void redis });
    await expect(tier.boot()).rejects.toThrow("without Redis");
  });

  it("a shutdown from inside a hook, not awaited, is an ordinary one", async () => {
    const tier = make({ run: ({ signal }, self) => (void self.shutdown("work done"), aborted(signal)) });
    expect(await tier.runToCompletion()).toMatchObject({ outcome: "shutdown", reason: "work done", failures: [] });
  });
});

describe("listeners", () => {
  it("a subscriber, a fact listener, an inspector and a logger that throw are contained and reported", async () => {
    const lines: string[] = [];
    const boom = () => {
      throw new Error("boom");
    };
    const contained = (fact: object, message?: string) => {
      expect(fact).toEqual({ type: "contained" });
      lines.push(String(message));
    };
    const logger: Logger = { debug: boom, info: boom, warn: boom, error: contained };
    const warned = once(process, "warning", { signal: AbortSignal.timeout(deadlines.fact) });
    const tier = make({ run: () => {} }, { logger });
    tier.actor.subscribe(boom);
    tier.actor.inspect(boom);
    tier.onFact(boom);
    expect((await tier.runToCompletion()).outcome).toBe("completed");
    for (const who of ["a subscriber", "an inspector", "a listener"])
      expect(lines.some((line) => line === `${who} threw: boom`)).toBe(true);
    expect((await warned)[0]).toMatchObject({ name: "StargazerWarning", message: "the logger threw: boom" });
  });

  it("the actor gives each snapshot to a function or an observer, until they unsubscribe", async () => {
    const tier = make();
    const paths: string[] = [];
    const observed: string[] = [];
    const note = ({ value }: LifecycleSnapshot) => void paths.push(JSON.stringify(value));
    const leaving = tier.actor.subscribe(note);
    tier.actor.subscribe({
      next: ({ value }) => void observed.push(JSON.stringify(value)),
      complete: () => observed.push("over"),
    });
    await tier.boot();
    expect(tier.actor.getSnapshot().value).toEqual({ healthy: "ready" });
    expect(observed).toEqual(paths);
    expect(paths.at(-1)).toBe('{"healthy":"ready"}');
    leaving.unsubscribe();
    await tier.shutdown();
    expect([paths.at(-1), observed.at(-1)]).toEqual(['{"healthy":"ready"}', "over"]);
  });

  it("a fact listener that unsubscribes and subscribes again during a fact gets each fact once", async () => {
    const tier = make({ run: () => {} });
    const got: string[] = [];
    let leave = () => {};
    const again = (fact: ServiceFact) => {
      got.push(fact.type);
      leave();
      leave = tier.onFact(again);
    };
    leave = tier.onFact(again);
    const all: string[] = [];
    tier.onFact(({ type }) => void all.push(type));
    await tier.runToCompletion();
    await Promise.resolve();
    expect(got).toEqual(all);
  });

  it("a function that subscribes twice unsubscribes once at a time", async () => {
    const tier = make();
    let calls = 0;
    const listen = () => {
      calls += 1;
    };
    const leave = tier.onFact(listen);
    tier.onFact(listen);
    leave();
    leave();
    await tier.boot();
    expect(calls).toBeGreaterThan(0);
    await tier.shutdown();
  });

  it("a fact listener gets nothing once it has unsubscribed", async () => {
    const tier = make();
    const facts: string[] = [];
    const leave = tier.onFact(({ type }) => void facts.push(type));
    await tier.boot();
    const before = facts.length;
    leave();
    await tier.shutdown();
    expect([before > 0, facts.length]).toEqual([true, before]);
  });

  it("the facts have the states in order, and the outcome last", async () => {
    const tier = make({ run: () => {} });
    const facts: string[] = [];
    tier.onFact((fact) => {
      if (fact.type === "state.entered") facts.push(fact.state);
      if (fact.type === "stopped") facts.push(`= ${fact.outcome}`);
    });
    await tier.runToCompletion();
    await Promise.resolve();
    expect(facts).toEqual([...stateNames.slice(1), "= completed"]);
  });
});

describe("a service that has stopped", () => {
  it("leaves no timer, and no abort listener for each service", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    for (let i = 0; i < 20; i += 1) await stoppedWhileRunning({});
    expect(timers()).toBeLessThanOrEqual(before);
  });
});

describe("configuration", () => {
  it("of a class without its hooks is refused, together with every other problem", () => {
    class Half extends (StargazerService as unknown as new (options: object) => object) {
      run() {}
    }
    const problems = "the class has no onStart, onStop: a service has all three; serviceName must be a string";
    expect(() => new Half({})).toThrow(
      expect.objectContaining({ code: "SG_ERR_CONFIG_INVALID", message: expect.stringContaining(problems) }),
    );
  });

  /** with the options as they are given, and the defaults of the product */
  class Bare extends StargazerService {
    protected override onStart() {}
    protected override run() {}
    protected override onStop() {}
  }

  it("that is absent is refused with a problem", () => {
    expect(() => new Bare(undefined as never)).toThrow(expect.objectContaining({ code: "SG_ERR_CONFIG_INVALID" }));
  });

  const problemsOf = (options: object): string => {
    try {
      new Bare({ serviceName: "test", ...options } as never);
    } catch (error) {
      expect(error).toMatchObject({ code: "SG_ERR_CONFIG_INVALID" });
      return (error as Error).message;
    }
    return "";
  };

  it.each([
    [{ serviceName: "a:b" }, "serviceName must not contain"],
    [{ serviceName: "" }, "serviceName must not be empty"],
    [{ instanceId: "x:1" }, "instanceId must not contain"],
    [{ instanceId: "x".repeat(200) }, "instanceId must have at most 128"],
    [{ healthPort: 65_536 }, "healthPort must be a whole number from 0 to 65535, not 65536"],
    [{ healthPort: "80" }, "healthPort must be a whole number"],
    [{ jitterMaxMs: Number.NaN }, "jitterMaxMs must be a whole number"],
    [{ stopTimeoutMs: 2 ** 31 }, "stopTimeoutMs must be a whole number"],
    [{ redis: "not a url" }, "redis is not a URL"],
    [{ redis: "http://localhost" }, "redis must begin with redis://"],
    [{ redis: {} }, "redis must be an ioredis"],
    [{ redisRequired: "yes" }, "redisRequired must be true or false"],
    [{ drainDelayMs: 25_000 }, "drainDelayMs (25000) must be less than shutdownTimeoutMs (25000)"],
    [{ heartbeatMs: 6000 }, "heartbeatMs (6000) must be at most a third of leaseTtlMs (15000)"],
    [{ logger: { info() {} } }, "logger has no debug, warn, error"],
    [{ metadata: { big: "x".repeat(5000) } }, "metadata must be at most 4096 bytes"],
    [{ healthHost: "a b" }, "healthHost must be a host name"],
    [{ probeThread: 1 }, "probeThread must be true or false"],
    [{ readinessBlockMs: 99 }, "readinessBlockMs must be a whole number from 100"],
    [{ livenessBlockMs: 500 }, "readinessBlockMs (1000) must be at most livenessBlockMs (500)"],
    [{ pingAttemps: 3 }, "unknown option 'pingAttemps'"],
  ])("refuses %j", (options, problem) => {
    expect(problemsOf(options)).toContain(problem);
  });

  it("reads SG_PROBE_THREAD as 1 or 0, and names any other value", () => {
    try {
      for (const [text, problem] of [
        ["1", ""],
        ["0", ""],
        ["yes", 'SG_PROBE_THREAD (probeThread) must be 1 or 0, not "yes"'],
      ] as const) {
        process.env.SG_PROBE_THREAD = text;
        expect(problemsOf({})).toContain(problem);
        expect(problemsOf({ probeThread: false })).toBe("");
      }
    } finally {
      delete process.env.SG_PROBE_THREAD;
    }
  });

  it("with problems lists all at once, and no password", () => {
    const message = problemsOf({ serviceName: "a:b", healthPort: -1, redis: "redis://user:hunter2@[bad", colour: "red" });
    expect(message).toContain("the configuration has 4 problems");
    expect(message).not.toContain("hunter2");
  });

  it("names the service in the message where its name is valid", () => {
    expect(problemsOf({ serviceName: "greeter", healthPort: -1 })).toContain("the configuration of 'greeter' has 1 problem");
  });

  it("treats undefined as absent", async () => {
    const tier = make({ run: () => {} }, { instanceId: undefined, healthPort: undefined, metadata: undefined });
    expect(tier.instanceId).toMatch(/-\d+-[0-9a-f]{6}$/);
    expect((await tier.runToCompletion()).outcome).toBe("completed");
  });
});
