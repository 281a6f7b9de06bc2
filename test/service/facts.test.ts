/** What a service reports: its facts, log lines, the status, the metrics and the report. */
import { describe, expect, it } from "vitest";
import { createEmptyActor } from "xstate";
import type { LeaseSnapshot, LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { leaseMachine, lifecycleMachine } from "../../machines/index.ts";
import type { EndedPhase } from "../../machines/phases.ts";
import { isOpen } from "../../machines/phases.ts";
import { StargazerError } from "../../src/errors.ts";
import { FactQueue } from "../../src/service/report/fact-queue.ts";
import type { ServiceFact } from "../../src/service/report/facts.ts";
import { forLog, writeFact } from "../../src/service/report/facts.ts";
import { FactCounts, lifecycleMetrics } from "../../src/service/report/metrics.ts";
import { brokenReport, endOf, toReport } from "../../src/service/report/report.ts";
import { statusOf } from "../../src/service/report/status.ts";
import { settles } from "../kit/gates.ts";
import type { Cue } from "../kit/story.ts";
import { story, trouble } from "../kit/story.ts";

const livedThrough = (cues: readonly Cue[], settings: Partial<LifecycleSettings> = {}) => {
  let time = 0;
  const input = { settings, now: () => time, epochNow: () => time, random: () => 0.5 };
  return story(lifecycleMachine, input, cues, (step) => {
    time = 1000 + step * 10;
  });
};
const lived = (cues: readonly Cue[], settings: Partial<LifecycleSettings> = {}): LifecycleSnapshot =>
  livedThrough(cues, settings).snapshot as unknown as LifecycleSnapshot;
const toStarting = ["boot", "after bootJitter", "pingRedis done"];
const shutdown = { type: "shutdown", reason: "asked" };
const failing = [...toStarting, "startTier error"];
const optional = { redisRequired: false, pingAttempts: 1 };
const late = { type: "hook.failed", failure: { phase: "running", code: "SG_ERR_RUN_FAILED", message: "late" } };
const lateError = { type: "error.late", error: trouble };
const taken = { type: "lease.superseded", twin: { host: "there", pid: 7 } };
const degrading = ["boot", "after bootJitter", "pingRedis error"];

describe("the facts that the chart emits", () => {
  /** the facts of the last step */
  const factsOf = (cues: readonly Cue[], settings = {}) => livedThrough(cues, settings).facts.at(-1)!;
  const inWords = (facts: ReturnType<typeof factsOf>) =>
    facts.map(({ type, phase, state, outcome }) => [type, phase ?? state, outcome].filter(Boolean).join(" "));

  it("begin with the state that the service is constructed in", () => {
    expect(factsOf([])).toEqual([{ type: "state.entered", state: "init" }]);
  });

  it("are, at each step, the phases that ended and then the state that was entered", () => {
    expect(livedThrough(["boot", "after bootJitter"]).facts.slice(1).map(inWords)).toEqual([
      ["phase.ended init done", "state.entered jitter"],
      ["phase.ended jitter done", "state.entered pinging"],
    ]);
  });

  it("name a failure, whole, before the phase that it ended", () => {
    const facts = factsOf(failing);
    expect(inWords(facts)).toEqual(["failed starting", "phase.ended starting failed", "state.entered stopping"]);
    expect(facts[0]).toEqual({
      type: "failed",
      phase: "starting",
      code: "SG_ERR_START_FAILED",
      message: "onStart failed: trouble",
      cause: trouble,
    });
    expect(facts[1]).toEqual({
      type: "phase.ended",
      phase: "starting",
      startedAt: 1030,
      offsetMs: 30,
      durationMs: 10,
      outcome: "failed",
    });
  });

  it.each<[string, Cue[], string, object]>([
    ["the ping gate", degrading, "SG_ERR_REDIS_UNREACHABLE", { pingAttempts: 1 }],
    ["a hook that fails late", [...toStarting, shutdown, late], "SG_ERR_RUN_FAILED", {}],
    ["a shutdown with an error", [...toStarting, { ...shutdown, error: trouble }], "SG_ERR_FAILED", {}],
    ["an error that comes while stopping", [...toStarting, shutdown, lateError], "SG_ERR_FAILED", {}],
    ["a newer boot of the same id", [...toStarting, "startTier done", taken], "SG_ERR_SUPERSEDED", {}],
    [
      "a step of stopping that overran",
      [...toStarting, shutdown, "after drainDelay", "after drainTimeout"],
      "SG_ERR_DRAIN_TIMEOUT",
      {},
    ],
  ])("emit each failure once: %s", (_, cues, code, settings) => {
    const { facts, snapshot } = livedThrough(cues, settings);
    const emitted = facts.flat().filter(({ type }) => type === "failed");
    expect(emitted.map((fact) => fact.code)).toEqual([code]);
    const { failures } = (snapshot as unknown as LifecycleSnapshot).context;
    expect(emitted).toEqual(failures.map((failure) => ({ type: "failed", ...failure })));
  });

  it("have `degraded` where the ping gate did not pass, and `degraded.cleared` once, when the lease is held", () => {
    const degraded = (cues: readonly Cue[]) =>
      livedThrough(cues, optional)
        .facts.flat()
        .flatMap(({ type }) => (type.startsWith("degraded") ? [type] : []));
    expect(degraded(toStarting)).toEqual([]);
    expect(degraded(degrading)).toEqual(["degraded"]);
    const reasons = factsOf(degrading, optional).flatMap((fact) => (fact.type === "degraded" ? [fact.reason] : []));
    expect(reasons).toEqual([expect.stringContaining("did not pass the ping gate, 1 attempt: trouble. Is it running?")]);
    expect(degraded([...degrading, "startTier done", "lease.held", "lease.held", "lease.regained"])).toEqual([
      "degraded",
      "degraded.cleared",
    ]);
  });

  it("end with every phase that was still open", () => {
    const cues = [...failing, "after drainDelay", "drainTier done", "stopTier done", "closeRedis done"];
    expect(inWords(factsOf(cues))).toEqual([
      "phase.ended stopping done",
      "phase.ended stopping.disconnecting done",
      "state.entered stopped",
      "phase.ended stopped done",
    ]);
  });

  it("have no `state.entered` where only the substate changes", () => {
    expect(inWords(factsOf([...toStarting, shutdown, "after drainDelay"])).filter((fact) => fact.startsWith("state"))).toEqual(
      [],
    );
  });
});

describe("the queue of facts", () => {
  const fact = (reason: string): ServiceFact => ({ type: "lease.lost", reason });
  const queueTo = (deliver: (reason: string, queue: FactQueue) => void) => {
    const queue: FactQueue = new FactQueue((given) => deliver((given as { reason: string }).reason, queue));
    return queue;
  };

  it("holds the facts of a transition until it is flushed, and delivers one that is added meanwhile behind them", () => {
    const delivered: string[] = [];
    const queue = queueTo((reason) => delivered.push(reason));
    queue.hold(fact("held"));
    queue.add(fact("added"));
    expect(delivered).toEqual([]);
    queue.flush();
    expect(delivered).toEqual(["held", "added"]);
    queue.add(fact("later"));
    expect(delivered).toEqual(["held", "added", "later"]);
  });

  it("delivers a fact to every listener before the one that a listener caused", () => {
    const delivered: string[] = [];
    const queue = queueTo((reason, own) => {
      for (const listener of ["a", "b"]) {
        delivered.push(`${listener}: ${reason}`);
        if (listener === "a" && reason === "first") {
          own.hold(fact("second"));
          own.flush();
          own.add(fact("third"));
        }
      }
    });
    queue.add(fact("first"));
    expect(delivered).toEqual(["a: first", "b: first", "a: second", "b: second", "a: third", "b: third"]);
  });
});

it("a queue of more than a hundred facts gives timers a turn, and delivers the rest behind it", async () => {
  let delivered = 0;
  const queue: FactQueue = new FactQueue(() => {
    delivered += 1;
    if (delivered < 150) queue.add({ type: "lease.held" });
  });
  queue.add({ type: "lease.held" });
  expect(delivered).toBe(100);
  await settles("the rest is delivered", () => delivered === 150);
});

it("a fact has its error under err in the log, its cause before its error, and is itself where it has none", () => {
  const error = new Error("torn");
  expect(forLog({ type: "failed", cause: trouble, error })).toEqual({ type: "failed", err: trouble });
  expect(forLog({ type: "stopped", error })).toEqual({ type: "stopped", err: error });
  const without = { type: "lease.held" };
  expect(forLog(without)).toBe(without);
});

describe("a fact in the log", () => {
  const lineOf = (fact: object): string => {
    let line = "";
    const at = (level: string) => (given: unknown, message?: string) => {
      expect(given).toBe(fact);
      line = `${level}: ${message}`;
    };
    writeFact({ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }, fact as ServiceFact);
    return line;
  };

  it.each([
    [{ type: "state.entered", state: "running" }, "info: running"],
    [{ type: "phase.ended", phase: "starting", durationMs: 1.6, outcome: "done" }, "debug: starting done after 2 ms"],
    [{ type: "phase.ended", phase: "starting", durationMs: 1, outcome: "failed" }, "debug: starting failed after 1 ms"],
    [{ type: "failed", phase: "starting", message: "torn" }, "error: starting: torn"],
    [{ type: "degraded", reason: "refused" }, "warn: degraded: refused"],
    [{ type: "degraded.cleared" }, "info: degraded.cleared"],
    [{ type: "command.refused", command: "boot", path: "running" }, "warn: boot() is not allowed in 'running'"],
    [{ type: "lease.held" }, "info: lease.held"],
    [{ type: "lease.regained" }, "info: lease.regained"],
    [{ type: "lease.suspect", reason: "silent" }, "warn: lease.suspect: silent"],
    [{ type: "lease.lost", reason: "gone" }, "warn: lease.lost: gone"],
    [{ type: "lease.abandoned", reason: "silent" }, "warn: lease.abandoned: silent"],
    [{ type: "lease.broken", reason: "torn" }, "error: lease.broken: torn"],
    [
      { type: "lease.superseded", twin: { host: "there", pid: 7 } },
      "error: lease.superseded: pid 7 on there has taken this instance id",
    ],
    [{ type: "redis.unreachable", failures: 3, reason: "refused" }, "warn: redis.unreachable: refused"],
    [{ type: "redis.restored", missed: 4 }, "info: redis.restored"],
    [{ type: "loop.blocked", blockedMs: 1500 }, "warn: loop.blocked for 1500 ms"],
    [{ type: "health.thread.died", reason: "no memory" }, "warn: health.thread.died: no memory"],
    [{ type: "health.listening", host: "here", port: 1 }, "info: health.listening at here port 1"],
    [{ type: "health.port.moved", host: "here", port: 1 }, "warn: health.port.moved"],
    [{ type: "health.server.failed", reason: "torn" }, "error: health.server.failed: torn"],
    [{ type: "health.request.failed", url: "/status", reason: "torn" }, "error: health.request.failed: /status: torn"],
    [{ type: "description.failed", reason: "torn" }, "warn: description.failed: torn"],
    [{ type: "description.restored" }, "info: description.restored"],
    [{ type: "flight.written", path: "/f" }, "warn: what led to it: npx stargazer replay /f"],
    [{ type: "leadership.gained", name: "a task", fence: 7 }, "info: leadership.gained: a task, fence 7"],
    [{ type: "leadership.lost", name: "a task", fence: 7, reason: "torn" }, "warn: leadership.lost: a task, fence 7: torn"],
    [{ type: "leadership.released", name: "a task", fence: 7 }, "info: leadership.released: a task, fence 7"],
    [{ type: "leadership.abandoned", name: "a", fence: 7, reason: "torn" }, "warn: leadership.abandoned: a, fence 7: torn"],
    [{ type: "metrics.failed", reason: "torn" }, "warn: metrics.failed: torn"],
    [{ type: "metrics.restored" }, "info: metrics.restored"],
    [{ type: "check.failed", kind: "readiness", check: "db", reason: "no" }, "warn: check.failed: readiness check 'db': no"],
    [{ type: "check.restored", kind: "readiness", check: "db" }, "info: check.restored: readiness check 'db'"],
    [{ type: "journal.off", reason: "torn" }, "warn: journal.off: torn"],
    [{ type: "flight.lost", reason: "full" }, "warn: flight.lost: full"],
    [{ type: "stopped", outcome: "shutdown", reason: "asked" }, "info: stopped: shutdown (asked)"],
    [{ type: "stopped", outcome: "failed", reason: "torn" }, "error: stopped: failed (torn)"],
  ])("%j", (fact, line) => {
    expect(lineOf(fact)).toBe(line);
  });
});

const leaseAfter = (cues: readonly Cue[]): LeaseSnapshot => {
  const times = { heartbeatMs: 5, leaseTtlMs: 15, writeTimeoutMs: 2, leaseRetryMs: 1 };
  const input = { parent: createEmptyActor(), status: "starting", times, now: () => 7, epochNow: () => 7, random: () => 0.5 };
  return story(leaseMachine, input, cues).snapshot as unknown as LeaseSnapshot;
};
const held = leaseAfter(["registerInstance done ok"]);
const statusAfter = (cues: readonly Cue[], settings = {}, lease: LeaseSnapshot | undefined = undefined, incarnation?: number) =>
  statusOf({ service: "test", instance: "one", incarnation, snapshot: lived(cues, settings), lease, health: null });

describe("the status", () => {
  it("has the state and when it began, the failures and the phases", () => {
    const status = statusAfter([...failing, "after drainDelay"]);
    expect(status).toMatchObject({
      service: "test",
      instance: "one",
      state: "stopping",
      path: "stopping.draining",
      since: 1040,
      startedAt: 1000,
      degraded: false,
      condition: "",
      lease: null,
    });
    expect(status.failures).toEqual([{ phase: "starting", code: "SG_ERR_START_FAILED", message: "onStart failed: trouble" }]);
    expect(status.phases.map(({ phase }) => phase).slice(0, 5)).toEqual(["init", "jitter", "pinging", "starting", "stopping"]);
    expect(statusAfter([...toStarting, { type: "phase.began", phase: "starting.tools" }]).since).toBe(1030);
  });

  it("has what the state waits for, and the timer that ends it", () => {
    expect(statusAfter([...toStarting, { type: "phase.began", phase: "starting.tools" }])).toMatchObject({
      waits: "the tier's onStart, tools",
      deadline: { name: "startTimeout", ms: 60_000, leftMs: 59_990 },
    });
    expect(statusAfter([])).toMatchObject({ waits: "boot", deadline: null });
  });

  it("has what Redis was refused for while the ping gate is tried again, and nothing once it is passed", () => {
    expect(statusAfter(degrading)).toMatchObject({ state: "pinging", condition: expect.stringContaining("attempts: trouble") });
    expect(statusAfter(degrading, optional)).toMatchObject({ degraded: true, condition: expect.stringContaining("trouble") });
    expect(statusAfter([...degrading, "after pingBackoff", "pingRedis done"])).toMatchObject({
      state: "starting",
      condition: "",
    });
  });

  it("has the state of the lease", () => {
    expect(statusAfter([], {}, held, 42).lease).toEqual({
      state: "held.waiting",
      incarnation: 42,
      confirmedAt: 7,
      confirmedAgoMs: 0,
      missed: 0,
      trouble: "",
    });
    expect(statusAfter([], {}, leaseAfter(["registerInstance error"])).lease).toMatchObject({
      state: "lost.waiting",
      incarnation: null,
      missed: 1,
      trouble: "trouble",
    });
  });
});

describe("the metrics", () => {
  const lines = (...args: Parameters<typeof statusAfter>) => {
    const status = statusAfter(...args);
    const counts = new FactCounts();
    for (const record of status.phases) if (!isOpen(record)) counts.count({ type: "phase.ended", ...(record as EndedPhase) });
    return lifecycleMetrics(status, { version: "1.2.3", counts })
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
  };

  it("have the service, its state, and the duration of each phase", () => {
    const text = lines(["boot", "after bootJitter"]);
    expect(text).toContain('sg_service_info{service="test",instance="one",version="1.2.3"} 1');
    expect(text.filter((line) => line.startsWith("sg_state{"))).toEqual(
      ["init", "jitter", "pinging", "starting", "registering", "healthy", "running", "stopping", "stopped"].map(
        (name) => `sg_state{state="${name}"} ${name === "pinging" ? 1 : 0}`,
      ),
    );
    expect(text.filter((line) => line.startsWith("sg_phase_duration_seconds{"))).toEqual([
      'sg_phase_duration_seconds{phase="init",outcome="done"} 0.01',
      'sg_phase_duration_seconds{phase="jitter",outcome="done"} 0.01',
    ]);
    expect(text).toEqual(expect.arrayContaining(["sg_degraded 0", "sg_lease_held 0", "sg_lease_missed_writes 0"]));
  });

  it("count the facts by type, errors from the beginning, and the refused commands", () => {
    const counts = new FactCounts();
    const refused = { type: "command.refused", command: "boot", path: "running" } as const;
    for (const fact of [{ type: "lease.held" }, { type: "lease.held" }, refused] as const) counts.count(fact);
    const [facts, commands] = ["sg_facts_total", "sg_commands_refused_total"].map((name) =>
      counts.metrics().find((metric) => metric.name === name),
    );
    const errors = ["failed", "lease.superseded", "lease.broken", "health.server.failed", "health.request.failed"];
    expect(facts!.type).toBe("counter");
    expect(facts!.samples).toEqual([
      ...errors.map((type) => ({ labels: { type }, value: 0 })),
      { labels: { type: "lease.held" }, value: 2 },
      { labels: { type: "command.refused" }, value: 1 },
    ]);
    expect(commands!.type).toBe("counter");
    expect(commands!.samples).toEqual(
      ["boot", "run", "shutdown"].map((command) => ({ labels: { command }, value: command === "boot" ? 1 : 0 })),
    );
    const durations = counts.metrics().filter(({ name }) => name.startsWith("sg_phase"));
    expect(durations.flatMap(({ samples }) => samples).filter(({ labels }) => labels !== undefined)).toEqual([]);
  });

  it("name their types", () => {
    const text = lifecycleMetrics(statusAfter([]), { version: "1", counts: new FactCounts() });
    for (const name of ["sg_service_info", "sg_state", "sg_degraded"]) expect(text).toContain(`# TYPE ${name} gauge\n`);
  });

  it("have the state of the lease, and whether the service is degraded", () => {
    expect(lines(degrading, optional)).toContain("sg_degraded 1");
    expect(lines([], {}, held)).toContain("sg_lease_held 1");
    const lost = lines([], {}, leaseAfter(["registerInstance error"]));
    expect([lost.includes("sg_lease_held 0"), lost.includes("sg_lease_missed_writes 1")]).toEqual([true, true]);
  });
});

describe("the report", () => {
  const output = lived([...failing, "after drainDelay", "drainTier done", "stopTier done", "closeRedis done"]).output!;

  it("turns the first failure into an error, and lists all without their causes", () => {
    const report = toReport(output);
    expect(report.error).toBeInstanceOf(StargazerError);
    expect(report.error).toMatchObject({ code: "SG_ERR_START_FAILED", phase: "starting", cause: trouble });
    expect(report.failures).toEqual([{ phase: "starting", code: "SG_ERR_START_FAILED", message: "onStart failed: trouble" }]);
    expect(report).toMatchObject({ outcome: "failed", reason: "onStart failed", exitCode: 1, phases: output.phases });
    const { error: _, ...well } = output;
    expect("error" in toReport({ ...well, failures: [] })).toBe(false);
  });

  it("has an end for a recording, with its outcome, its reason and its failures", () => {
    expect(endOf(toReport(output))).toEqual({
      outcome: "failed",
      reason: "onStart failed",
      failures: [{ phase: "starting", code: "SG_ERR_START_FAILED", message: "onStart failed: trouble" }],
    });
  });

  it("keeps an error of ours with the failure's code and message; any other error becomes the cause of a new one", () => {
    const own = new StargazerError("SG_ERR_REGISTRY", "torn");
    const errorOf = (failure: object) =>
      toReport({ ...output, error: { phase: "healthy", code: "SG_ERR_REGISTRY", message: "torn", ...failure } }).error;
    expect(errorOf({ cause: own })).toBe(own);
    expect(errorOf({ cause: own, code: "SG_ERR_FAILED" })?.cause).toBe(own);
    expect(errorOf({ cause: own, message: "else" })?.cause).toBe(own);
    const like = { code: "SG_ERR_REGISTRY", message: "torn" };
    expect(errorOf({ cause: like })?.cause).toBe(like);
  });

  it("is failed where the chart itself failed, with that as its last failure, and every phase has ended", () => {
    const { context } = lived(toStarting);
    const report = brokenReport(context, "starting", trouble);
    expect(report).toMatchObject({
      outcome: "failed",
      exitCode: 1,
      error: { code: "SG_ERR_INTERNAL", phase: "starting", cause: trouble },
    });
    expect(report.failures).toEqual([
      { phase: "starting", code: "SG_ERR_INTERNAL", message: "the lifecycle machine failed: trouble" },
    ]);
    expect(report.phases.map(({ phase, outcome }) => `${phase} ${outcome}`)).toEqual([
      "init done",
      "jitter done",
      "pinging done",
      "starting done",
    ]);
    const second = brokenReport(lived(failing).context, "stopping", "torn");
    expect([second.error?.code, second.failures.length]).toEqual(["SG_ERR_START_FAILED", 2]);
  });
});
