/** The lifecycle chart's actions, guards and delays: what it does at each step, what it notes, and the time that it gives. */
import { describe, expect, it } from "vitest";
import type { LifecycleContext, LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { lifecycleMachine } from "../../machines/index.ts";
import { StargazerError } from "../../src/errors.ts";
import type { Cue } from "../kit/story.ts";
import { story, trouble } from "../kit/story.ts";

/** A life in which each step takes 10 ms. */
const lifeOf = (settings: Partial<LifecycleSettings>, cues: readonly Cue[]) => {
  let time = 0;
  const turn = (step: number) => {
    time = step * 10;
  };
  const { steps, snapshot } = story(lifecycleMachine, { settings, now: () => time, random: () => 0.5 }, cues, turn);
  return { steps, snapshot: snapshot as unknown as LifecycleSnapshot };
};
const contextOf = (settings: Partial<LifecycleSettings>, cues: readonly Cue[]) => lifeOf(settings, cues).snapshot.context;

const alone = { hasRedis: false, hasHealth: false };
const twin = { host: "elsewhere", pid: 7 };
const shutdown = { type: "shutdown", reason: "asked" };
const superseded = { type: "lease.superseded", twin };
const leaseError = { type: "xstate.error.actor.lease", error: trouble };
const began = (phase: string) => ({ type: "phase.began", phase });
const hookFailed = (phase: string) => ({ type: "hook.failed", failure: { phase, code: "SG_ERR_RUN_FAILED", message: "late" } });

/* ---- the ways from init to each state, and from stopping to its end ---- */
const toPinging = ["boot", "after bootJitter"];
const toStarting = [...toPinging, "pingRedis done"];
const toRegistering = [...toStarting, "startTier done"];
const toOpening = [...toRegistering, "lease.held"];
const toHealthy = [...toOpening, "openHealth done"];
const toRunning = [...toHealthy, "run"];
const toClosing = [...toRunning, shutdown, "after drainDelay"];
const toDeregistering = [...toClosing, "closeHealth done"];
const toDraining = [...toDeregistering, "lease.released"];
const toUnwinding = [...toDraining, "drainTier done"];
const toDisconnecting = [...toUnwinding, "stopTier done"];
const unwound = ["drainTier done", "stopTier done", "closeRedis done"];

describe("a life, step by step", () => {
  it("with everything that can be begun", () => {
    const { steps, snapshot } = lifeOf({}, [
      ...toStarting,
      began("starting.tools"),
      "release.owed",
      { type: "phase.ended", phase: "starting.tools", outcome: "done" },
      "startTier done",
      "lease.held",
      "openHealth done",
      "run",
      { type: "lease.suspect", reason: "silent" },
      "lease.held",
      shutdown,
      "after drainDelay",
      "closeHealth done",
      "lease.released",
      "drainTier done",
      "stopTier done",
      "releaseTier done",
      "closeRedis done",
    ]);
    expect(steps).toEqual([
      "init",
      "boot -> jitter | bootJitter in 1000",
      "after bootJitter -> pinging.attempt | pingTimeout in 1000 | start pingRedis",
      "pingRedis done -> starting | stop pingRedis | startTimeout in 60000 | start startTier",
      "phase.began starting.tools -> starting",
      "release.owed -> starting",
      "phase.ended starting.tools done -> starting",
      "startTier done -> registering | stop startTier | start lease | registerTimeout in 2000",
      "lease.held -> healthy.opening | emit lease.held | healthTimeout in 3000 | start openHealth",
      "openHealth done -> healthy.ready | stop openHealth | lease <- status healthy",
      "run -> running | lease <- status running | start runTier",
      "lease.suspect silent -> running | emit lease.suspect silent",
      "lease.held -> running | emit lease.held",
      "shutdown asked -> stopping.announcing | stop runTier | lease <- status stopping | drainDelay in 0",
      "after drainDelay -> stopping.closing | closeTimeout in 3000 | start closeHealth",
      "closeHealth done -> stopping.deregistering | stop closeHealth | lease <- release | deregisterTimeout in 2000",
      "lease.released -> stopping.draining | stop lease | emit lease.released | drainTimeout in 8000 | start drainTier",
      "drainTier done -> stopping.unwinding | stop drainTier | stopTimeout in 6000 | start stopTier",
      'stopTier done -> stopping.releasing | stop stopTier | releaseTimeout in 7990 | start releaseTier {"withinMs":7990}',
      "releaseTier done -> stopping.disconnecting | stop releaseTier | disconnectTimeout in 1000 | start closeRedis",
      "closeRedis done -> stopped | stop closeRedis",
    ]);
    const done = (phase: string, startedAt: number, durationMs: number) => ({ phase, startedAt, durationMs, outcome: "done" });
    expect(snapshot.output).toEqual({
      outcome: "shutdown",
      reason: "asked",
      exitCode: 0,
      failures: [],
      phases: [
        done("init", 0, 10),
        done("jitter", 10, 10),
        done("pinging", 20, 10),
        done("starting", 30, 40),
        done("starting.tools", 40, 20),
        done("registering", 70, 10),
        done("healthy", 80, 20),
        done("running", 100, 30),
        done("stopping", 130, 70),
        done("stopping.announcing", 130, 10),
        done("stopping.closing", 140, 10),
        done("stopping.deregistering", 150, 10),
        done("stopping.draining", 160, 10),
        done("stopping.unwinding", 170, 10),
        done("stopping.releasing", 180, 10),
        done("stopping.disconnecting", 190, 10),
        done("stopped", 200, 0),
      ],
    });
  });

  it("without Redis and health server: passed through, and marked skipped", () => {
    const { steps, snapshot } = lifeOf(alone, [
      ...toRegistering,
      "after registerTimeout",
      "run",
      "runTier done",
      "after drainDelay",
      ...unwound,
    ]);
    expect(steps.slice(3)).toEqual([
      "pingRedis done -> starting | stop pingRedis | startTimeout in 60000 | start startTier",
      "startTier done -> registering | stop startTier | registerTimeout in 0",
      "after registerTimeout -> healthy.ready",
      "run -> running | start runTier",
      "runTier done -> stopping.announcing | stop runTier | drainDelay in 0",
      "after drainDelay -> stopping.draining | drainTimeout in 8000 | start drainTier",
      "drainTier done -> stopping.unwinding | stop drainTier | stopTimeout in 8000 | start stopTier",
      "stopTier done -> stopping.disconnecting | stop stopTier | disconnectTimeout in 1000 | start closeRedis",
      "closeRedis done -> stopped | stop closeRedis",
    ]);
    expect(oddPhases(snapshot)).toEqual([
      "pinging skipped",
      "registering skipped",
      "healthy skipped",
      "stopping.closing skipped",
      "stopping.deregistering skipped",
      "stopping.releasing skipped",
    ]);
    expect(snapshot.output).toMatchObject({ outcome: "completed", reason: "run returned", exitCode: 0 });
  });

  it("with a Redis that never answers: three attempts, a backoff that doubles between them", () => {
    const tries = ["after pingTimeout", "after pingBackoff", "pingRedis error", "after pingBackoff", "after pingTimeout"];
    expect(lifeOf({}, [...toPinging, ...tries]).steps.slice(3)).toEqual([
      "after pingTimeout -> pinging.backoff | stop pingRedis | pingBackoff in 100",
      "after pingBackoff -> pinging.attempt | pingTimeout in 1000 | start pingRedis",
      "pingRedis error -> pinging.backoff | stop pingRedis | pingBackoff in 200",
      "after pingBackoff -> pinging.attempt | pingTimeout in 1000 | start pingRedis",
      "after pingTimeout -> stopping.announcing | stop pingRedis | drainDelay in 0",
    ]);
  });

  it("gives the lease its parent's times, and the status to begin with", () => {
    const { children } = lifeOf({ heartbeatMs: 77 }, toRegistering).snapshot;
    expect(children.lease!.getSnapshot().context).toMatchObject({ wanted: "starting", times: { heartbeatMs: 77 } });
  });
});

const oddPhases = ({ context }: LifecycleSnapshot) =>
  context.phases.filter(({ outcome }) => outcome !== "done").map(({ phase, outcome }) => `${phase} ${outcome}`);
const failuresOf = ({ context }: LifecycleSnapshot) => context.failures.map(({ phase, code }) => `${phase} ${code}`);

/** How a life ends: its report, the phases that are not `done` (those that were skipped left out), and its failures. */
const endOf = (settings: Partial<LifecycleSettings>, cues: readonly Cue[]) => {
  const { snapshot } = lifeOf(settings, cues);
  const { outcome, reason, exitCode } = snapshot.output!;
  const odd = oddPhases(snapshot).filter((phase) => !phase.endsWith(" skipped"));
  return [`${outcome} ${exitCode}: ${reason}`, ...odd, ...failuresOf(snapshot).map((failure) => `! ${failure}`)];
};

const afterShutdown = ["after drainDelay", "closeHealth done", "lease.released", ...unwound];
const ends: readonly [string, Partial<LifecycleSettings>, readonly Cue[], readonly string[]][] = [
  ["shutdown in init", {}, [shutdown], ["shutdown 0: asked"]],
  ["shutdown in jitter", {}, ["boot", shutdown, "after drainDelay", "closeRedis done"], ["shutdown 0: asked", "jitter aborted"]],
  [
    "shutdown in pinging",
    {},
    [...toPinging, shutdown, "after drainDelay", "closeRedis done"],
    ["shutdown 0: asked", "pinging aborted"],
  ],
  [
    "shutdown in starting",
    {},
    [...toStarting, shutdown, "after drainDelay", ...unwound],
    ["shutdown 0: asked", "starting aborted"],
  ],
  [
    "shutdown in registering",
    {},
    [...toRegistering, shutdown, "after drainDelay", "lease.released", ...unwound],
    ["shutdown 0: asked", "registering aborted"],
  ],
  ["shutdown in healthy.opening", {}, [...toOpening, shutdown, ...afterShutdown], ["shutdown 0: asked", "healthy aborted"]],
  ["shutdown in healthy.ready", {}, [...toHealthy, shutdown, ...afterShutdown], ["shutdown 0: asked"]],
  ["shutdown in running", {}, [...toRunning, shutdown, ...afterShutdown], ["shutdown 0: asked"]],
  [
    "a ping gate that stays shut",
    { pingAttempts: 1 },
    [...toPinging, "pingRedis error", "after drainDelay", "closeRedis done"],
    ["failed 1: redis did not pass the ping gate", "pinging failed", "! pinging SG_ERR_REDIS_UNREACHABLE"],
  ],
  [
    "onStart that throws",
    {},
    [...toStarting, "startTier error", "after drainDelay", ...unwound],
    ["failed 1: onStart failed", "starting failed", "! starting SG_ERR_START_FAILED"],
  ],
  [
    "onStart that hangs",
    {},
    [...toStarting, "after startTimeout", "after drainDelay", ...unwound],
    ["failed 1: onStart timed out", "starting timeout", "! starting SG_ERR_START_TIMEOUT"],
  ],
  [
    "a health server that does not open",
    {},
    [...toOpening, "openHealth error", ...afterShutdown],
    ["failed 1: the health server did not open", "healthy failed", "! healthy SG_ERR_HEALTH_OPEN_FAILED"],
  ],
  [
    "a health server that takes too long",
    {},
    [...toOpening, "after healthTimeout", ...afterShutdown],
    ["failed 1: the health server did not open", "healthy timeout", "! healthy SG_ERR_HEALTH_OPEN_FAILED"],
  ],
  ["run that returns", {}, [...toRunning, "runTier done", ...afterShutdown], ["completed 0: run returned"]],
  [
    "run that throws",
    {},
    [...toRunning, "runTier error", ...afterShutdown],
    ["failed 1: run failed", "running failed", "! running SG_ERR_RUN_FAILED"],
  ],
  ...([toRegistering, toOpening, toHealthy, toRunning] as const).map((way, at): (typeof ends)[number] => [
    `superseded, ${at} states after starting`,
    {},
    [...way, superseded, "after drainDelay", ...(at > 0 ? ["closeHealth done"] : []), ...unwound],
    ["failed 1: superseded", `! ${["registering", "healthy", "healthy", "running"][at]} SG_ERR_SUPERSEDED`],
  ]),
  [
    "troubles of registry and connection, which are facts and not failures",
    {},
    [...toRegistering, "after registerTimeout", "openHealth done", "run", shutdown, "after drainDelay"].concat([
      "after closeTimeout",
      "after deregisterTimeout",
      "drainTier done",
      "stopTier done",
      "after disconnectTimeout",
    ] as never),
    [
      "shutdown 0: asked",
      "registering timeout",
      "stopping.closing timeout",
      "stopping.deregistering timeout",
      "stopping.disconnecting timeout",
    ],
  ],
  [
    "the same, told by errors",
    {},
    [
      ...toRegistering,
      { type: "lease.lost", reason: "gone" },
      "openHealth done",
      "run",
      shutdown,
      "after drainDelay",
      "closeHealth error",
      { type: "lease.abandoned", reason: "silent" },
      "drainTier done",
      "stopTier done",
      "closeRedis error",
    ],
    [
      "shutdown 0: asked",
      "registering failed",
      "stopping.closing failed",
      "stopping.deregistering failed",
      "stopping.disconnecting failed",
    ],
  ],
  [
    "a lease that breaks while registering",
    {},
    [...toRegistering, leaseError, "openHealth done", "run", shutdown, "after drainDelay", "closeHealth done", ...unwound],
    ["shutdown 0: asked", "registering failed"],
  ],
  [
    "a lease that breaks while deregistering",
    {},
    [...toDeregistering, leaseError, ...unwound],
    ["shutdown 0: asked", "stopping.deregistering failed"],
  ],
  ["a lease that is superseded while deregistering", {}, [...toDeregistering, superseded, ...unwound], ["shutdown 0: asked"]],
  [
    "hooks that throw while stopping",
    {},
    [...toDraining, "release.owed", "drainTier error", "stopTier error", "releaseTier error", "closeRedis done"],
    [
      "failed 1: asked",
      "stopping.draining failed",
      "stopping.unwinding failed",
      "stopping.releasing failed",
      "! stopping.draining SG_ERR_DRAIN_TIMEOUT",
      "! stopping.unwinding SG_ERR_STOP_FAILED",
      "! stopping.releasing SG_ERR_STOP_FAILED",
    ],
  ],
  [
    "hooks that hang while stopping",
    {},
    [...toDraining, "release.owed", "after drainTimeout", "after stopTimeout", "after releaseTimeout", "closeRedis done"],
    [
      "failed 1: asked",
      "stopping.draining timeout",
      "stopping.unwinding timeout",
      "stopping.releasing timeout",
      "! stopping.draining SG_ERR_DRAIN_TIMEOUT",
      "! stopping.unwinding SG_ERR_STOP_TIMEOUT",
      "! stopping.releasing SG_ERR_STOP_TIMEOUT",
    ],
  ],
  [
    "a hook that fails in the phase it belongs to",
    {},
    [...toRunning, hookFailed("running"), shutdown, ...afterShutdown],
    ["failed 1: asked", "running failed", "! running SG_ERR_RUN_FAILED"],
  ],
  [
    "a hook that fails when its phase is over",
    {},
    [...toDraining, hookFailed("running"), ...unwound],
    ["failed 1: asked", "! running SG_ERR_RUN_FAILED"],
  ],
  [
    "a tier's phase that was still open",
    {},
    [...toStarting, began("starting.tools"), shutdown, "after drainDelay", ...unwound],
    ["shutdown 0: asked", "starting aborted", "starting.tools aborted"],
  ],
];

describe("how a life ends", () => {
  it.each(ends)("%s", (_, settings, cues, expected) => {
    expect(endOf(settings, cues)).toEqual(expected);
    const { output, context } = lifeOf(settings, cues).snapshot;
    expect(output?.error).toBe(context.failures[0]);
  });

  it.each([
    [[...toPinging, "pingRedis error"], "failed: redis did not pass the ping gate"],
    [[...toStarting, "startTier error"], "failed: onStart failed"],
    [[...toStarting, "after startTimeout"], "failed: onStart timed out"],
    [[...toOpening, "openHealth error"], "failed: the health server did not open"],
    [[...toOpening, "after healthTimeout"], "failed: the health server did not open"],
    [[...toRunning, "runTier error"], "failed: run failed"],
    [[...toRunning, "runTier done"], "completed: run returned"],
    [[...toRunning, superseded], "failed: superseded"],
    [[...toRunning, shutdown], "shutdown: asked"],
    [[...toRunning, { ...shutdown, error: trouble }], "failed: asked"],
    [[...toRunning, shutdown, superseded, hookFailed("running")], "shutdown: asked"],
  ] as [Cue[], string][])("%j: the first cause is '%s', and stays", (cues, cause) => {
    const { context } = lifeOf({ pingAttempts: 1 }, cues).snapshot;
    expect(`${context.cause?.outcome}: ${context.cause?.reason}`).toBe(cause);
  });

  it("a lease that ends while it is deregistered ends the step, which was not skipped", () => {
    const step = (end: Cue) =>
      contextOf({}, [...toDeregistering, end]).phases.find(({ phase }) => phase === "stopping.deregistering");
    expect([step(superseded)?.outcome, step(leaseError)?.outcome]).toEqual(["done", "failed"]);
  });
});

describe("what a failure says", () => {
  const last = (cues: readonly Cue[], settings = {}) => contextOf(settings, cues).failures.at(-1)!;
  const failing = (actor: string, error: unknown): Cue => ({ type: `xstate.error.actor.${actor}`, error });

  it("carries the error as its cause, and names the hook", () => {
    expect(last([...toStarting, "startTier error"])).toEqual({
      phase: "starting",
      code: "SG_ERR_START_FAILED",
      message: "onStart failed: trouble",
      cause: trouble,
    });
    expect(last([...toRunning, failing("runTier", "no error")])).toMatchObject({ message: "run failed: no error" });
  });

  it("a code of ours is kept where the work is ours, and not where a tier threw it", () => {
    const taken = new StargazerError("SG_ERR_HEALTH_PORT_IN_USE", "taken");
    expect(last([...toOpening, failing("openHealth", taken)])).toMatchObject({
      code: "SG_ERR_HEALTH_PORT_IN_USE",
      message: "taken",
    });
    expect(last([...toStarting, failing("startTier", taken)]).code).toBe("SG_ERR_START_FAILED");
    for (const foreign of [{ code: "ECONNREFUSED" }, { code: 7 }, undefined, null])
      expect(last([...toOpening, failing("openHealth", foreign)]).code).toBe("SG_ERR_HEALTH_OPEN_FAILED");
  });

  it("a shutdown with an error is a failure of the phase it came in, with the error's own code", () => {
    const because = (error: unknown) => last([...toRunning, { ...shutdown, error }]);
    expect(because(trouble)).toEqual({ phase: "running", code: "SG_ERR_FAILED", message: "trouble", cause: trouble });
    expect(because(new StargazerError("SG_ERR_REGISTRY", "torn")).code).toBe("SG_ERR_REGISTRY");
    expect(contextOf({}, [{ ...shutdown, error: trouble }]).cause).toEqual({ outcome: "failed", reason: "asked" });
  });

  it("a shut ping gate names the Redis, the attempts and the reason", () => {
    const shut = (error: unknown) =>
      last([...toPinging, failing("pingRedis", error)], { pingAttempts: 1, redisLabel: "redis://there" });
    expect(shut(trouble)).toMatchObject({ code: "SG_ERR_REDIS_UNREACHABLE", cause: trouble });
    expect(shut(trouble).message).toMatch(/redis:\/\/there .* 1 attempts: trouble\./);
    expect(shut(new StargazerError("SG_ERR_REGISTRY", "torn")).code).toBe("SG_ERR_REGISTRY");
    expect(last([...toPinging, "after pingTimeout"], { pingAttempts: 1 }).message).toContain("no answer to PING");
  });

  it("work of ours that fails while draining keeps its code and its words", () => {
    const cut = new StargazerError("SG_ERR_RUN_FAILED", "run went on");
    expect(last([...toDraining, failing("drainTier", cut)])).toMatchObject({ code: "SG_ERR_RUN_FAILED", message: "run went on" });
  });

  it("superseded names the twin", () => {
    expect(last([...toRunning, superseded]).message).toContain("pid 7 on elsewhere");
  });
});

describe("what it notes on the way", () => {
  it("nothing at first", () => {
    const { settings: _, now: __, random: ___, phases: ____, ...noted } = contextOf({}, []);
    expect(noted).toEqual({
      begun: { tier: false, lease: false, health: false, open: false, releases: false },
      attempt: 0,
      refusal: { code: "SG_ERR_REDIS_UNREACHABLE", message: "" },
      degraded: false,
      cause: undefined,
      failures: [],
      stoppingAt: 0,
      unwindingAt: 0,
    });
  });

  it("when stopping and its unwinding were entered", () => {
    expect(contextOf({}, toUnwinding)).toMatchObject({ stoppingAt: 80, unwindingAt: 120 });
  });

  it("begun: only what was really begun, and nothing is forgotten but the lease", () => {
    const begun = (cues: readonly Cue[], settings = {}) =>
      Object.entries(contextOf(settings, cues).begun)
        .filter(([, is]) => is)
        .map(([what]) => what)
        .join(" ");
    expect(begun(toPinging)).toBe("");
    expect(begun(toStarting)).toBe("tier");
    expect(begun(toRegistering)).toBe("tier lease");
    expect(begun(toRegistering, { hasRedis: false })).toBe("tier");
    expect(begun(toOpening)).toBe("tier lease health");
    expect(begun(toHealthy)).toBe("tier lease health open");
    expect(begun([...toHealthy, "release.owed"])).toBe("tier lease health open releases");
    expect(begun([...toRegistering, "lease.held"], { hasHealth: false })).toBe("tier lease");
    expect(begun([...toHealthy, superseded])).toBe("tier health open");
    expect(begun([...toHealthy, leaseError])).toBe("tier health open");
    expect(begun(toDraining)).toBe("tier health open");
    expect(begun([...toClosing, superseded])).toBe("tier health open");
  });

  it("degraded from a gate that stayed shut until the lease is held or regained", () => {
    const optional = { redisRequired: false, pingAttempts: 1 };
    const cut = [...toPinging, "after pingTimeout"];
    expect(contextOf(optional, cut)).toMatchObject({ degraded: true, failures: [], cause: undefined });
    expect(oddPhases(lifeOf(optional, [...cut, "startTier done"]).snapshot)).toEqual(["pinging failed", "registering undefined"]);
    const later = [...cut, "startTier done", { type: "lease.lost", reason: "cut" }];
    expect(contextOf(optional, later).degraded).toBe(true);
    expect(contextOf(optional, [...later, "lease.held"]).degraded).toBe(false);
    expect(contextOf(optional, [...later, "lease.regained"]).degraded).toBe(false);
    expect(contextOf(optional, [...cut, "startTier done", "lease.held"]).degraded).toBe(false);
    expect(contextOf(optional, toStarting).degraded).toBe(false);
  });

  it("tells every fact of the lease, and that it broke, wherever it comes", () => {
    const emits = (cues: readonly Cue[]) =>
      lifeOf({}, cues)
        .steps.at(-1)!
        .split(" | ")
        .filter((line) => line.startsWith("emit"));
    const abandoned = { type: "lease.abandoned", reason: "silent" };
    const lost = { type: "lease.lost", reason: "gone" };
    for (const way of [toRegistering, toOpening, toHealthy, toRunning, toClosing, toDeregistering]) {
      expect(emits([...way, superseded])).toEqual(['emit lease.superseded {"host":"elsewhere","pid":7}']);
      expect(emits([...way, leaseError])).toEqual(["emit lease.broken trouble"]);
      expect(emits([...way, lost])).toEqual(["emit lease.lost gone"]);
      expect(emits([...way, "lease.held"])).toEqual(["emit lease.held"]);
      expect(emits([...way, "lease.regained"])).toEqual(["emit lease.regained"]);
      expect(emits([...way, abandoned])).toEqual(["emit lease.abandoned silent"]);
      expect(emits([...way, "lease.released"])).toEqual(["emit lease.released"]);
    }
  });

  it("a lease that is gone is not sent to, and is waited for no more", () => {
    for (const end of [superseded, leaseError]) {
      const { steps } = lifeOf({}, [...toClosing, end, "closeHealth done"]);
      expect(steps.at(-1)).toBe(
        "closeHealth done -> stopping.draining | stop closeHealth | stop lease | drainTimeout in 8000 | start drainTier",
      );
    }
    expect(lifeOf({}, [...toOpening, leaseError, "openHealth done"]).steps.at(-1)).toBe(
      "openHealth done -> healthy.ready | stop openHealth",
    );
  });

  it("each state from jitter to stopping has the one tag of its stretch; init and stopped have none", () => {
    const tags = (cues: readonly Cue[]) => [...lifeOf({}, cues).snapshot.tags];
    for (const way of [[], [...toDisconnecting, "closeRedis done"]]) expect(tags(way)).toEqual([]);
    for (const way of [["boot"], toPinging, toStarting, toRegistering, toOpening]) expect(tags(way)).toEqual(["booting"]);
    for (const way of [toHealthy, toRunning]) expect(tags(way)).toEqual(["ready"]);
    for (const way of [toClosing, toDeregistering, toDisconnecting]) expect(tags(way)).toEqual(["stopping"]);
  });

  it("a tier's phases stand beside the chart's, and end with their own outcome", () => {
    const cues = [...toStarting, began("starting.tools"), { type: "phase.ended", phase: "starting.tools", outcome: "failed" }];
    expect(contextOf({}, cues).phases.slice(-2)).toEqual([
      { phase: "starting", startedAt: 30 },
      { phase: "starting.tools", startedAt: 40, durationMs: 10, outcome: "failed" },
    ]);
  });
});

describe("the time it gives", () => {
  type Delay = (args: { context: LifecycleContext }) => number;
  const delays = lifecycleMachine.implementations.delays as unknown as Record<string, Delay>;
  const fresh = contextOf({}, []);
  const delay = (name: string, settings: Partial<LifecycleSettings>, context: Partial<LifecycleContext> = {}) =>
    delays[name]!({ context: { ...fresh, now: () => 0, ...context, settings: { ...fresh.settings, ...settings } } });
  const all = { tier: true, lease: true, health: true, open: true, releases: true };

  it("jitter is a random part of its maximum, and a ping's backoff doubles up to 500 ms", () => {
    expect(delay("bootJitter", { jitterMaxMs: 300 })).toBe(150);
    const backoffs = [1, 2, 3, 4, 9].map((attempt) => delay("pingBackoff", {}, { attempt, random: () => 1 }));
    expect(backoffs).toEqual([200, 400, 500, 500, 500]);
    expect(delay("pingBackoff", {}, { attempt: 3, random: () => 0.1 })).toBe(50);
  });

  it.each([
    ["drainDelay", "drainDelayMs", 6],
    ["closeTimeout", "healthTimeoutMs", 5],
    ["deregisterTimeout", "registerTimeoutMs", 4],
    ["drainTimeout", "drainTimeoutMs", 3],
  ] as const)("%s is %s, within the budget less %i seconds for the steps to come", (name, own, toCome) => {
    const context = { begun: all, stoppingAt: 1000, now: () => 3000 };
    expect(delay(name, { [own]: 700, shutdownTimeoutMs: 60_000 }, context)).toBe(700);
    expect(delay(name, { [own]: 70_000, shutdownTimeoutMs: 20_000 }, context)).toBe(18_000 - toCome * 1000);
    expect(delay(name, { [own]: 70_000, shutdownTimeoutMs: 4100 }, context)).toBeCloseTo(2100 / (toCome + 1));
    expect(delay(name, { [own]: 700, shutdownTimeoutMs: 2000 }, context)).toBe(0);
  });

  it("nothing waits for load balancers that have not seen the health server", () => {
    expect(delay("drainDelay", { drainDelayMs: 500 }, { begun: { ...all, open: false } })).toBe(0);
  });

  it("onStop leaves a quarter of its time to the releases, if there are any", () => {
    expect(delay("stopTimeout", { stopTimeoutMs: 4000 }, { begun: all })).toBe(3000);
    expect(delay("stopTimeout", { stopTimeoutMs: 4000 }, { begun: { ...all, releases: false } })).toBe(4000);
    expect(delay("stopTimeout", { stopTimeoutMs: 70_000 }, { begun: { ...all, releases: false } })).toBe(23_000);
  });

  it("the releases get what onStop left, at least their quarter, and within the budget", () => {
    const at = (now: number, settings = {}) =>
      delay("releaseTimeout", { stopTimeoutMs: 4000, ...settings }, { unwindingAt: 100, now: () => now });
    expect([at(100), at(1100), at(3100), at(4000)]).toEqual([4000, 3000, 1000, 1000]);
    expect(at(100, { shutdownTimeoutMs: 3000 })).toBe(1900);
  });

  it("closing the connections gets a second, or what is left", () => {
    expect(delay("disconnectTimeout", {})).toBe(1000);
    expect(delay("disconnectTimeout", { shutdownTimeoutMs: 300 })).toBe(300);
  });

  it("registering is passed at once where there is no Redis", () => {
    expect(delay("registerTimeout", { registerTimeoutMs: 70 })).toBe(70);
    expect(delay("registerTimeout", { registerTimeoutMs: 70, hasRedis: false })).toBe(0);
  });

  it("without a clock and a chance of its own it takes the machine's", () => {
    const { snapshot } = story(lifecycleMachine, {}, []);
    expect(Math.abs((snapshot as unknown as LifecycleSnapshot).context.now() - Date.now())).toBeLessThan(5000);
    expect((snapshot as unknown as LifecycleSnapshot).context.random).toBe(Math.random);
  });
});

describe("an actor that was not provided", () => {
  it.each([
    "pingRedis",
    "startTier",
    "openHealth",
    "runTier",
    "closeHealth",
    "drainTier",
    "stopTier",
    "releaseTier",
    "closeRedis",
  ])("%s fails with its own name", async (name) => {
    const { actors } = lifecycleMachine.implementations as unknown as { actors: Record<string, { config: () => Promise<void> }> };
    await expect(actors[name]!.config()).rejects.toThrow(`'${name}'`);
  });
});
