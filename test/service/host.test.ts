/** The host of the chart, with resources of the test's own: which effects it runs and when, and what it does when the chart itself fails. */
import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { setup } from "xstate";
import type { LeaseAnswer, LeaseWrite } from "../../machines/index.ts";
import { systemClock } from "../../src/clock.ts";
import type { HookContext, Logger } from "../../src/index.ts";
import { StargazerError } from "../../src/index.ts";
import type { Resources } from "../../src/service/effects/resources.ts";
import { isAbortOf, stopReason } from "../../src/service/hooks/abort.ts";
import type { HookRunner } from "../../src/service/hooks/hooks.ts";
import { ServiceHost } from "../../src/service/host.ts";
import type { ServiceFact } from "../../src/service/report/facts.ts";
import { seams } from "../../src/service/service.ts";
import { unwind } from "../../src/service/unwind.ts";
import type { Waiting } from "../../src/until.ts";
import { Gates } from "../kit/gates.ts";
import { hourMs } from "../kit/hours.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, hangs, TestTier } from "../kit/tier.ts";

/** Resources whose effects succeed at once and are recorded. `own` replaces a part of them. */
type Own = Partial<Omit<Resources, "entry">> & { readonly entry?: Partial<Resources["entry"]> };
const makeResources = (own: Own = {}) => {
  const asked: string[] = [];
  const signals: AbortSignal[] = [];
  const note =
    (name: string) =>
    ({ signal }: Waiting) => {
      asked.push(name);
      signals.push(signal);
      return Promise.resolve();
    };
  const write =
    (name: string) =>
    ({ status }: LeaseWrite, waiting: Waiting) =>
      note(`${name} ${status}`)(waiting).then((): LeaseAnswer => ({ type: "ok" }));
  const resources = {
    incarnation: 42,
    preload: () => void asked.push("preload"),
    pingRedis: note("pingRedis"),
    openHealth: note("openHealth"),
    closeHealth: note("closeHealth"),
    close: note("close"),
    ...own,
    entry: { register: write("register"), renew: write("renew"), deregister: note("deregister"), ...own.entry },
  } as Resources;
  return { resources, asked, signals };
};
const make = (hooks: TestHooks, resources: Resources, own: object = {}, options: object = {}) =>
  new TestTier({ instanceId: "one", redis: "redis://127.0.0.1:1", ...options, [seams]: { resources, ...own } } as never, hooks);
const factsOf = (tier: TestTier) => {
  const facts: ServiceFact[] = [];
  tier.onFact((fact) => facts.push(fact));
  return facts;
};

describe("a host with resources", () => {
  it("runs each effect once, in order, each with a signal", async () => {
    const { resources, asked, signals } = makeResources();
    const tier = make({ onStart: ({ defer }) => defer(() => {}) }, resources);
    void tier.runToCompletion();
    await tier.waitFor("running");
    expect(tier.status()).toMatchObject({ lease: { incarnation: 42 }, state: "running" });
    expect(signals.length).toBe(asked.length - 1);
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(asked.filter((name) => !name.startsWith("renew"))).toEqual([
      "preload",
      "pingRedis",
      "register starting",
      "openHealth",
      "closeHealth",
      "deregister",
      "close",
    ]);
    expect(asked.some((name) => name === "renew running" || name === "renew healthy")).toBe(true);
    expect(tier.status().lease).toBeNull();
  });

  it("a registry that supersedes the instance stops the service, and emits the fact", async () => {
    const twin = { host: "elsewhere", pid: 7 };
    const { resources } = makeResources({ entry: { renew: async () => ({ type: "superseded", twin }) } });
    const tier = make({}, resources);
    const facts = factsOf(tier);
    expect(await tier.runToCompletion()).toMatchObject({ outcome: "failed", reason: "superseded" });
    expect(facts).toContainEqual({ type: "lease.superseded", twin });
  });
});

describe("a host", () => {
  const hooks = { abortStopping: () => {}, endReleases: () => {} } as unknown as HookRunner;
  const settings = { jitterMaxMs: hourMs };

  it("has the chart's actor, its recorder and its probes, which are called after each transition until they are taken away", async () => {
    const { resources } = makeResources();
    const clock = { ...systemClock, epochNow: () => 77 };
    const contained: string[] = [];
    const onContained = (message: string) => void contained.push(message);
    const host = new ServiceHost({ settings, hooks, resources, clock, random: () => 1, onFact: () => {}, onContained });
    const [recorded, probed]: [string[], string[]] = [[], []];
    host.record(({ type }) => recorded.push(type));
    const forget = host.onTransition(() => probed.push(host.state));
    const booted = host.boot().catch((error: StargazerError) => error.code);
    expect(host.actor.getSnapshot()).toBe(host.snapshot);
    expect(host.snapshot.context.phases[0]?.startedAt).toBe(77);
    expect([probed, recorded.includes("@xstate.microstep")]).toEqual([["jitter"], true]);
    forget();
    await host.shutdown("asked");
    expect([probed, await booted, contained]).toEqual([["jitter"], "SG_ERR_BOOT_ABORTED", []]);
  });
});

describe("a command without an arrow", () => {
  it("rejects with its state, and is published as a fact", async () => {
    const { resources, asked } = makeResources();
    const tier = make({}, resources);
    const facts = factsOf(tier);
    await tier.boot();
    await expect(tier.boot()).rejects.toMatchObject({ code: "SG_ERR_ILLEGAL_TRANSITION", phase: "healthy" });
    expect(facts).toContainEqual({ type: "command.refused", command: "boot", path: "healthy.ready" });
    expect(asked.filter((name) => name === "preload")).toHaveLength(1);
    await tier.shutdown();
    await expect(tier.boot()).rejects.toMatchObject({ phase: "stopped" });
  });
});

describe("a boot that does not reach healthy", () => {
  const failure = (boot: Promise<void>) => boot.then(() => undefined).catch((error: StargazerError) => error);

  it("rejects with the failure that ended it, or with SG_ERR_BOOT_ABORTED after a shutdown", async () => {
    const failed = await failure(make({ onStart: () => Promise.reject(new Error("torn")) }, makeResources().resources).boot());
    expect([failed?.code, failed?.phase]).toEqual(["SG_ERR_START_FAILED", "starting"]);
    const cut = make(
      { onStart: ({ signal }) => aborted(signal), onStop: () => Promise.reject(new Error("late")) },
      makeResources().resources,
    );
    const boot = failure(cut.boot());
    await cut.waitFor("starting");
    void cut.shutdown("asked");
    const error = await boot;
    expect([error?.code, error?.phase]).toEqual(["SG_ERR_BOOT_ABORTED", "stopped"]);
    expect(error?.cause).toMatchObject({ code: "SG_ERR_STOP_FAILED" });
    expect(error?.message).toContain("(asked)");
  });
});

describe("waiting for a state", () => {
  it("rejects when its signal aborts, and names the present state when the state cannot come", async () => {
    const tier = make({}, makeResources().resources);
    const stop = new AbortController();
    const waiting = tier.waitFor("running", { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await tier.boot();
    await expect(tier.waitFor("jitter")).rejects.toMatchObject({ code: "SG_ERR_STATE_UNREACHABLE", phase: "healthy" });
    await tier.shutdown();
    await expect(tier.waitFor("stopping")).rejects.toSatisfy(
      (error: StargazerError) => error.phase === "stopped" && !("cause" in error),
    );
  });
});

describe("waiting for a state that can no longer come", () => {
  it("rejects with the first failure as its cause, in stopping and in stopped", async () => {
    const torn = new Error("torn");
    const tier = make({ onStart: () => Promise.reject(torn) }, makeResources().resources);
    const booted = tier.boot().catch(() => {});
    const wanted = { code: "SG_ERR_STATE_UNREACHABLE", cause: { code: "SG_ERR_START_FAILED", cause: torn } };
    await expect(tier.waitFor("running")).rejects.toMatchObject({ ...wanted, phase: "stopping" });
    await booted;
    await expect(tier.waitFor("running")).rejects.toMatchObject({ ...wanted, phase: "stopped" });
    await expect(tier.waitFor("running")).rejects.toThrow(/the service is 'stopped'\. The first failure: onStart failed: torn/);
  });
});

describe("a call to a service that has stopped", () => {
  it("settles at once, and no listener stays on the signal", async () => {
    const tier = make({}, makeResources().resources);
    const { signal } = new AbortController();
    const waiting = tier.waitFor("stopped", { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    const report = await tier.shutdown("not needed");
    await waiting;
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(await tier.runToCompletion()).toBe(report);
    await tier.waitFor("stopped", { signal });
    await expect(tier.waitFor("running", { signal })).rejects.toMatchObject({ code: "SG_ERR_STATE_UNREACHABLE" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("of two errors given while stopping, the first one is a failure", async () => {
    const onStop = (_: unknown, self: TestTier) => void [self.shutdown(new Error("first")), self.shutdown(new Error("second"))];
    const tier = make({ onStop }, makeResources().resources);
    await tier.boot();
    expect((await tier.shutdown("asked")).failures.map(({ message }) => message)).toEqual(["first"]);
  });

  it("a reason that is no error, given while stopping, is no failure", async () => {
    const onStop = (_: unknown, self: TestTier) => void [self.shutdown("again"), self.shutdown(null as never)];
    const tier = make({ onStop }, makeResources().resources);
    await tier.boot();
    expect(await tier.shutdown(null as never)).toMatchObject({ outcome: "shutdown", reason: "null", failures: [] });
  });
});

describe("subscribers", () => {
  it("get each transition, and the end once", async () => {
    const tier = make({}, makeResources().resources);
    const seen: string[] = [];
    tier.actor.subscribe({ next: ({ status }) => seen.push(status), complete: () => seen.push("complete") });
    tier.actor.subscribe({ next: () => {} });
    tier.actor.subscribe({ complete: () => {} });
    await tier.boot();
    await tier.shutdown();
    expect([seen.filter((word) => word === "complete").length, seen.at(-1)]).toEqual([1, "complete"]);
  });
});

describe("an error given to shutdown", () => {
  it("is a failure of the step of stopping in which it comes, with its own code", async () => {
    const own = new StargazerError("SG_ERR_UNCAUGHT", "torn");
    const tier = make({ onStop: (_, self) => void self.shutdown(own) }, makeResources().resources);
    await tier.boot();
    const report = await tier.shutdown("first");
    expect(report.failures).toEqual([{ phase: "stopping.unwinding", code: "SG_ERR_UNCAUGHT", message: "torn" }]);
    expect((await tier.shutdown(new Error("too late"))).failures).toHaveLength(1);
  });
});

describe("a shutdown during a transition", () => {
  /** calls `act` once from a subscriber, during the transition to `starting` */
  const inTheMiddle = async (act: (tier: TestTier) => void) => {
    const tier = make({}, makeResources().resources);
    let acted = false;
    tier.actor.subscribe(() => {
      if (tier.state !== "starting" || acted) return;
      acted = true;
      act(tier);
    });
    return tier.runToCompletion();
  };
  const torn = new Error("torn");

  it("with an error is recorded as one failure", async () => {
    const report = await inTheMiddle((tier) => void tier.shutdown(torn));
    expect([report.outcome, report.failures.map(({ message }) => message)]).toEqual(["failed", ["torn"]]);
  });

  it("with an error, after a shutdown without one, keeps the first reason and records the error", async () => {
    const report = await inTheMiddle((tier) => [tier.shutdown("asked"), tier.shutdown(torn)]);
    expect(report).toMatchObject({ outcome: "failed", reason: "asked", failures: [{ code: "SG_ERR_FAILED", message: "torn" }] });
  });

  it("with an error, after a shutdown with another, is a second failure", async () => {
    const report = await inTheMiddle((tier) => [tier.shutdown(new Error("first")), tier.shutdown(torn)]);
    expect(report.failures.map(({ message }) => message)).toEqual(["first", "torn"]);
  });

  it("without an error is no failure", async () => {
    expect(await inTheMiddle((tier) => void tier.shutdown("asked"))).toMatchObject({ outcome: "shutdown", failures: [] });
  });
});

describe("the hooks' context", () => {
  it("names a phase below that of its hook, with its outcome", async () => {
    const tier = make(
      {
        run: async ({ phase, signal }) => {
          await phase("work", () => aborted(signal).then(() => Promise.reject(signal.reason)));
        },
        onStop: ({ phase }) => phase("flush", () => {}),
      },
      makeResources().resources,
    );
    void tier.runToCompletion();
    await tier.waitFor("running");
    const { phases, outcome } = await tier.shutdown();
    const outcomes = Object.fromEntries(phases.map((record) => [record.phase, record.outcome]));
    expect(outcomes).toMatchObject({ "running.work": "aborted", "stopping.unwinding.flush": "done" });
    expect(outcome).toBe("shutdown");
  });

  it("has a signal for the stop of the service, which aborts as it begins to stop and not before", async () => {
    let context: HookContext | undefined;
    const run = (given: HookContext) => {
      context = given;
      return aborted(given.signal);
    };
    const tier = make({ run }, makeResources().resources);
    void tier.runToCompletion();
    await tier.waitFor("running");
    expect(context!.stopping.aborted).toBe(false);
    const stopped = tier.shutdown();
    expect(context!.stopping.aborted).toBe(true);
    await stopped;
  });

  it("a run that fails during the drain is a failure of the phase `running`", async () => {
    const tier = make(
      { run: ({ signal }) => aborted(signal).then(() => Promise.reject(new Error("lost"))) },
      makeResources().resources,
    );
    void tier.runToCompletion();
    await tier.waitFor("running");
    expect((await tier.shutdown()).failures).toEqual([{ phase: "running", code: "SG_ERR_RUN_FAILED", message: "lost" }]);
  });

  it("rejects a defer or a phase without a function, and names the call", async () => {
    const wrong = { code: "SG_ERR_CONFIG_INVALID" };
    const tier = make(
      {
        onStart: async ({ defer, phase }) => {
          expect(() => defer(7 as never)).toThrow(
            expect.objectContaining({ ...wrong, message: expect.stringContaining("defer") }),
          );
          expect(() => defer(null as never)).toThrow("context.defer takes a function, not null.");
          await expect(phase("odd", undefined as never)).rejects.toMatchObject({
            ...wrong,
            message: expect.stringContaining("phase"),
          });
        },
      },
      makeResources().resources,
    );
    await tier.boot();
    expect((await tier.shutdown()).failures).toEqual([]);
  });
});

describe("a chart that fails", () => {
  /** The clock throws once, at the tier's request, so that an action of the chart throws. */
  const breaking = (hooks: TestHooks, own: Own = {}, options: object = {}) => {
    const { resources, asked, signals } = makeResources(own);
    const state = { armed: false };
    const clock = {
      ...systemClock,
      now: () => {
        if (!state.armed) return performance.now();
        state.armed = false;
        throw new Error("no time");
      },
    };
    const released: string[] = [];
    const tier = make(
      { onStart: ({ defer }) => defer(() => void released.push("released")), ...hooks },
      resources,
      { clock },
      options,
    );
    return { tier, asked, signals, released, state };
  };

  it("is unwound by the host: what was begun is undone, and the outcome is failed", async () => {
    const { tier, asked, released, state } = breaking({});
    const observed: unknown[] = [];
    tier.actor.subscribe({ error: (error) => void observed.push(error) });
    void tier.runToCompletion();
    await tier.waitFor("running");
    const { lease } = tier.actor.getSnapshot().children;
    expect(lease!.getSnapshot().status).toBe("active");
    state.armed = true;
    const report = await tier.shutdown("asked");
    expect(lease!.getSnapshot().status).toBe("done");
    expect(report).toMatchObject({ outcome: "failed", exitCode: 1, error: { code: "SG_ERR_INTERNAL" } });
    expect(report.error?.message).toContain("no time");
    expect(asked.slice(-3)).toEqual(["closeHealth", "deregister", "close"]);
    expect([tier.calls, released, observed.length]).toEqual([["onStart", "run", "onStop"], ["released"], 1]);
  });

  it("is the cause of a wait for a state that can no longer come", async () => {
    const { tier, state } = breaking({});
    void tier.runToCompletion();
    await tier.waitFor("running");
    state.armed = true;
    await tier.shutdown("asked");
    await expect(tier.waitFor("running")).rejects.toMatchObject({
      code: "SG_ERR_STATE_UNREACHABLE",
      cause: { code: "SG_ERR_INTERNAL", message: expect.stringContaining("no time") },
    });
  });

  it("takes no command any more", async () => {
    const { tier, state } = breaking({});
    void tier.runToCompletion();
    await tier.waitFor("running");
    state.armed = true;
    await tier.shutdown("asked");
    await expect(tier.boot()).rejects.toThrow("boot() is not allowed in state 'stopped'. Allowed: nothing.");
  });

  it("in a boot without Redis rejects that boot with its failure", async () => {
    const onStart = async () => {
      await new Promise(setImmediate);
      state.armed = true;
    };
    const { tier, state } = breaking({ onStart }, {}, { redis: null });
    await expect(tier.boot()).rejects.toMatchObject({ code: "SG_ERR_INTERNAL", message: expect.stringContaining("no time") });
    expect(tier.state).toBe("stopped");
  });

  it("as onStop ends has that hook called no second time", async () => {
    const onStop = async () => {
      // the transition that calls it is over, and its facts are written
      await new Promise(setImmediate);
      state.armed = true;
    };
    const { tier, state } = breaking({ onStop });
    await tier.boot();
    expect(await tier.shutdown("asked")).toMatchObject({ outcome: "failed", error: { code: "SG_ERR_INTERNAL" } });
    expect(tier.calls).toEqual(["onStart", "onStop"]);
  });

  it("takes no companion any more: the spawn rejects as after an abort", async () => {
    const gates = new Gates();
    let spawn: HookContext["spawn"] | undefined;
    const run = (context: HookContext) => {
      spawn = context.spawn;
      return aborted(context.signal);
    };
    const { tier, state } = breaking({ run }, { closeHealth: () => gates.hold("closeHealth") });
    void tier.runToCompletion();
    await tier.waitFor("running");
    state.armed = true;
    const stop = tier.shutdown("asked");
    const gate = await gates.take("closeHealth");
    const logic = setup({}).createMachine({});
    await expect(spawn!({ name: "late", logic, input: {} })).rejects.toBe(stopReason);
    gate.open();
    await stop;
  });

  it("is stopping while the host undoes what was begun, and stopped after that; a wait for an earlier state rejects", async () => {
    const gates = new Gates();
    const { tier, state } = breaking({}, { closeHealth: () => gates.hold("closeHealth") });
    void tier.runToCompletion();
    await tier.waitFor("running");
    state.armed = true;
    const stop = tier.shutdown("asked");
    let stopped = false;
    const waiting = tier.waitFor("stopped").then(() => {
      stopped = true;
    });
    await expect(tier.waitFor("running")).rejects.toMatchObject({ code: "SG_ERR_STATE_UNREACHABLE" });
    await tier.waitFor("stopping");
    expect([stopped, tier.state, tier.status().state]).toEqual([false, "stopping", "stopping"]);
    gates.openAll();
    await stop;
    await waiting;
    expect([tier.state, tier.status().state]).toEqual(["stopped", "stopped"]);
  });
});

describe("the unwinding without a chart", () => {
  const none = { tier: false, lease: false, health: false, open: false, drain: false, releases: false };
  const all = { tier: true, lease: true, health: true, open: true, drain: true, releases: true };
  const hooksThat = (asked: string[], own: object = {}) =>
    ({
      drain: async () => void asked.push("drain"),
      stop: async () => void asked.push("stop"),
      release: async () => void asked.push("release"),
      endReleases: () => void asked.push("endReleases"),
      ...own,
    }) as unknown as HookRunner;

  it("runs each step that was begun, in order, and always closes the connections", async () => {
    const { resources, asked } = makeResources();
    await unwind({ begun: all, hooks: hooksThat(asked), resources, clock: systemClock });
    expect(asked.splice(0)).toEqual(["closeHealth", "deregister", "drain", "stop", "release", "close", "endReleases"]);
    await unwind({ begun: none, hooks: hooksThat(asked), resources, clock: systemClock });
    expect(asked).toEqual(["close", "endReleases"]);
  });

  it("gives the releases the time of a step", async () => {
    const works: unknown[] = [];
    const { resources } = makeResources();
    const hooks = hooksThat([], { release: async (work: unknown) => void works.push(work) });
    await unwind({ begun: { ...none, releases: true }, hooks, resources, clock: systemClock });
    expect(works).toEqual([{ withinMs: 2000 }]);
  });

  it("goes on after a step that fails or hangs, whose signal aborts at its deadline, and leaves no timer", async () => {
    const { resources, asked } = makeResources({ closeHealth: () => Promise.reject(new Error("torn")) });
    const timers = new Set<object>();
    const deadlines: number[] = [];
    const clock = {
      now: () => 0,
      setTimeout: (call: () => void, ms: number) => {
        const timer = { call };
        timers.add(timer);
        deadlines.push(ms);
        queueMicrotask(() => queueMicrotask(() => setImmediate(() => timers.has(timer) && call())));
        return timer;
      },
      clearTimeout: (timer: unknown) => void timers.delete(timer as object),
    };
    let reason: unknown;
    const stop = ({ signal }: Waiting) => {
      signal.addEventListener("abort", () => void (reason = signal.reason));
      return hangs();
    };
    await unwind({ begun: all, hooks: hooksThat(asked, { stop }), resources, clock });
    expect(asked).toEqual(["deregister", "drain", "release", "close", "endReleases"]);
    expect(reason).toMatchObject({ name: "TimeoutError" });
    expect([timers.size, new Set(deadlines)]).toEqual([0, new Set([2000])]);
  });
});

describe("a rejection after an abort", () => {
  it("is no failure where it is the signal's reason or an AbortError, and only then", () => {
    const stop = new AbortController();
    const abort = new DOMException("stop", "AbortError");
    expect(isAbortOf(stop.signal, abort)).toBe(false);
    stop.abort("enough");
    expect([isAbortOf(stop.signal, "enough"), isAbortOf(stop.signal, abort)]).toEqual([true, true]);
    for (const other of [new Error("torn"), undefined, null, "else"]) expect(isAbortOf(stop.signal, other)).toBe(false);
    expect(stopReason).toMatchObject({ name: "AbortError", message: "the service is stopping" });
  });
});

describe("a release at the end of stopping", () => {
  const noting = () => {
    const lines: unknown[] = [];
    const logger: Logger = { debug() {}, info() {}, warn() {}, error: (fact) => void lines.push(fact) };
    return { lines, logger };
  };

  it("is a failure of the report and a fact where it fails in time", async () => {
    const { lines, logger } = noting();
    const late = () => Promise.reject(new Error("in time"));
    const tier = make({ onStart: ({ defer }) => defer(late) }, makeResources().resources, {}, { logger });
    await tier.boot();
    expect((await tier.shutdown()).failures).toMatchObject([{ code: "SG_ERR_STOP_FAILED" }]);
    expect(lines.map((fact) => (fact as { type: string }).type)).toEqual(["failed", "stopped"]);
  });

  it("is logged where it fails after the end", async () => {
    const { lines, logger } = noting();
    let defer = (_: () => unknown) => {};
    const tier = make({ onStart: (context) => void (defer = context.defer) }, makeResources().resources, {}, { logger });
    await tier.boot();
    await tier.shutdown();
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    defer(() => Promise.reject(new Error("late")));
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toMatchObject([{ type: "release.failed", code: "SG_ERR_STOP_FAILED" }]);
    // of XState, for an event that is sent to an actor that has stopped
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});
