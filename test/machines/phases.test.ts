/** The record of what a service went through, the names of where it is, and the figures it lives by: pure functions and data. */
import { describe, expect, it } from "vitest";
import type { PhaseRecord, StateName } from "../../machines/index.ts";
import { canReach, defaultSettings, isOpen, stateName, stateNames, statePath, stopSteps } from "../../machines/index.ts";
import {
  beginTierPhase,
  currentPhase,
  endAllPhases,
  endedBy,
  endPhase,
  enteredAt,
  enterPhase,
  finalState,
  firstStep,
  initialState,
  isChartPhase,
  isState,
  lastEnded,
  markPhase,
  runningState,
  stoppingState,
  tierPhaseUnderWay,
} from "../../machines/phases.ts";
import { bootBudgetMs, maxPingBackoffMs, withinBudget } from "../../machines/settings.ts";

/** A moment: the wall clock was set by an hour since the construction of the service. */
const at = (offsetMs: number) => ({ startedAt: offsetMs === 0 ? 0 : 3_600_000 + offsetMs, offsetMs });
const open = (phase: string, offsetMs = 0): PhaseRecord => ({ phase, ...at(offsetMs) });
const ended = (phase: string, durationMs: number, outcome: PhaseRecord["outcome"] = "done") =>
  ({ phase, ...at(0), durationMs, outcome }) as PhaseRecord;

describe("the words of the contract", () => {
  it("are these nine states and these seven steps, in this order", () => {
    const words = "init jitter pinging starting registering healthy running stopping stopped";
    expect(stateNames.join(" ")).toBe(words);
    expect(stopSteps.join(" ")).toBe("announcing closing deregistering draining unwinding releasing disconnecting");
  });
});

describe("entering a phase", () => {
  it("closes the one before it, and opens the new one", () => {
    expect(enterPhase([open("jitter")], "pinging", at(10))).toEqual([ended("jitter", 10), open("pinging", 10)]);
  });

  it("leaves the phase it lies within open, and closes its sister", () => {
    const records = [open("stopping"), open("stopping.closing")];
    expect(enterPhase(records, "stopping.deregistering", at(10))).toEqual([
      open("stopping"),
      ended("stopping.closing", 10),
      open("stopping.deregistering", 10),
    ]);
  });

  it("leaves a tier's own phases to the tier, and what has ended as it was", () => {
    const records = [ended("jitter", 5), open("starting"), open("starting.tools")];
    expect(enterPhase(records, "registering", at(10))).toEqual([
      ended("jitter", 5),
      ended("starting", 10),
      open("starting.tools"),
      open("registering", 10),
    ]);
  });

  it("closes each of the states and steps", () => {
    for (const phase of [...stateNames, ...stopSteps.map((step) => `stopping.${step}`)].filter((name) => name !== "stopped"))
      expect(enterPhase([open(phase)], "stopped", at(10))[0]).toEqual(ended(phase, 10));
  });
});

describe("marking a phase", () => {
  it("notes how the chart's innermost open phase is going to end; the first note stays", () => {
    const marked = markPhase([open("stopping"), open("stopping.closing")], "timeout");
    expect(marked).toEqual([open("stopping"), { ...open("stopping.closing"), outcome: "timeout" }]);
    expect(markPhase(marked, "failed")).toBe(marked);
    const unmarked = [open("starting")];
    expect(markPhase(unmarked, undefined)).toBe(unmarked);
    expect(enterPhase(marked, "stopped", at(10))[1]).toEqual(ended("stopping.closing", 10, "timeout"));
  });

  it("passes over a tier's own phases and those that have ended, and finds nothing where nothing is open", () => {
    const records = [open("starting"), open("starting.tools")];
    expect(markPhase(records, "failed")).toEqual([{ ...open("starting"), outcome: "failed" }, open("starting.tools")]);
    const over = [ended("jitter", 5)];
    expect(markPhase(over, "failed")).toBe(over);
  });
});

describe("ending a phase", () => {
  it("closes the latest open one of that name with its outcome", () => {
    const records = [ended("starting.tools", 5), open("starting.tools"), open("starting.tools"), open("starting.cache")];
    expect(endPhase(records, { phase: "starting.tools" }, 10, "failed")).toEqual([
      ended("starting.tools", 5),
      open("starting.tools"),
      ended("starting.tools", 10, "failed"),
      open("starting.cache"),
    ]);
  });

  it("that began at a given moment closes the one that began then, and not the latest of its name", () => {
    const records = [open("running.job", 5), open("running.job", 8)];
    const first = { phase: "running.job", began: at(5) };
    expect(endPhase(records, first, 10, "done")).toEqual([
      { ...open("running.job", 5), durationMs: 5, outcome: "done" },
      records[1],
    ]);
    expect(endPhase(records, { ...first, began: at(6) }, 10, "done")).toBe(records);
  });

  it("of a name that is not open changes nothing", () => {
    const records = [ended("starting.tools", 5), open("starting")];
    expect(endPhase(records, { phase: "starting.tools" }, 10, "done")).toBe(records);
  });

  it("lasts from when it began, and keeps that", () => {
    const [record] = endPhase([open("starting.tools", 30)], { phase: "starting.tools" }, 100, "done");
    expect(record).toEqual({ phase: "starting.tools", ...at(30), durationMs: 70, outcome: "done" });
  });

  it("of all closes the chart's as done and a tier's as cut", () => {
    expect(endAllPhases([ended("jitter", 5), open("stopped"), open("running.work")], 10)).toEqual([
      ended("jitter", 5),
      ended("stopped", 10),
      ended("running.work", 10, "aborted"),
    ]);
  });
});

describe("a tier's own phase", () => {
  it("stands behind the others, open", () => {
    const records = [open("starting"), open("starting.tools")];
    expect(beginTierPhase(records, "starting.cache", at(10))).toEqual([...records, open("starting.cache", 10)]);
  });

  it("takes the place of the oldest that has ended, once so many are kept; it is not kept where all of them are open", () => {
    const first = [ended("jitter", 5), open("running"), open("running.first"), ended("running.old", 5)];
    const many = (count: number) => [...first, ...Array.from({ length: count - first.length }, () => ended("running.work", 5))];
    expect(beginTierPhase(many(199), "running.new", at(10))).toEqual([...many(199), open("running.new", 10)]);
    const full = many(200);
    expect(beginTierPhase(full, "running.new", at(10))).toEqual([...full.toSpliced(3, 1), open("running.new", 10)]);
    const hung = Array.from({ length: 200 }, () => open("running.work"));
    expect(beginTierPhase(hung, "running.new", at(10))).toBe(hung);
  });
});

describe("where it is", () => {
  it("a phase without a duration is open", () => {
    expect([isOpen(open("jitter")), isOpen(ended("jitter", 0))]).toEqual([true, false]);
  });

  it("the current phase is the chart's innermost open one, and init before any", () => {
    expect(currentPhase([open("stopping"), open("stopping.closing"), open("running.work")])).toBe("stopping.closing");
    expect(currentPhase([ended("jitter", 5)])).toBe("init");
    expect(currentPhase([])).toBe("init");
  });

  it.each([
    ["running", "running", "running"],
    [{ stopping: "draining" }, "stopping.draining", "stopping"],
    [{ a: { b: "c" } }, "a.b.c", "a"],
    [{ a: "x", b: { c: "d" } }, "a.x+b.c.d", "a"],
  ])("%j is %s, at its top %s", (value, path, name) => {
    expect([statePath({ value }), stateName({ value })]).toEqual([path, name]);
  });

  it("a state can be reached from itself and from those before it; stopping leads to stopped alone", () => {
    const order = (state: StateName) => stateNames.indexOf(state);
    for (const from of stateNames)
      for (const to of stateNames) expect(canReach(from, to), `${from} to ${to}`).toBe(order(from) <= order(to));
  });
});

describe("the figures", () => {
  it("of a boot add up to its longest: the jitter, each attempt, a backoff between two, and a deadline for each step", () => {
    const settings = { ...defaultSettings, jitterMaxMs: 1, pingAttempts: 4, pingTimeoutMs: 20, startTimeoutMs: 300 };
    expect(bootBudgetMs({ ...settings, registerTimeoutMs: 4000, healthTimeoutMs: 50_000 })).toBe(55_881);
  });

  it("are those of the contract", () => {
    expect(maxPingBackoffMs).toBe(500);
    expect(defaultSettings).toEqual({
      hasRedis: true,
      redisRequired: true,
      hasHealth: true,
      redisLabel: "redis://127.0.0.1:6379",
      pingAttempts: 3,
      jitterMaxMs: 2000,
      pingTimeoutMs: 1000,
      startTimeoutMs: 60_000,
      registerTimeoutMs: 2000,
      healthTimeoutMs: 3000,
      closeHealth: "first",
      drainDelayMs: 0,
      drainTimeoutMs: 8000,
      stopTimeoutMs: 8000,
      shutdownTimeoutMs: 25_000,
      leaseTtlMs: 15_000,
      heartbeatMs: 5000,
      writeTimeoutMs: 2000,
      leaseRetryMs: 1000,
    });
  });

  it.each([
    ["its own deadline, where there is time", 500, 10_000, 3, 500],
    ["what is left less a second for each step to come", 9000, 10_000, 3, 7000],
    ["an even share, where those seconds are not there", 9000, 2000, 3, 500],
    ["all that is left, at the last step", 9000, 700, 0, 700],
    ["nothing, when the budget is spent", 9000, -50, 3, 0],
  ])("a step gets %s", (_, own, left, toCome, expected) => {
    expect(withinBudget(own, left, toCome)).toBe(expected);
  });
});

describe("what is read of the record", () => {
  const records = [
    ended("init", 1),
    open("stopping", 20),
    ended("stopping.announcing", 5),
    open("stopping.closing", 25),
    ended("stopping.closing.sockets", 2),
    open("stopping.closing.files", 27),
  ];

  it("is when a phase was entered last, and 0 where it was not", () => {
    const twice = [open("starting.tools", 3), open("stopping", 20), open("stopping", 30)];
    expect(enteredAt(twice, "stopping")).toBe(30);
    expect(enteredAt(twice, "stopping.closing")).toBe(0);
    expect(enteredAt([], "stopping")).toBe(0);
  });

  it("is the phase of the chart that ended last, and none of a tier's own", () => {
    expect(lastEnded(records)).toBe(records[2]);
    expect(lastEnded(records.slice(0, 2))).toBe(records[0]);
    expect(lastEnded([open("init")])).toBeUndefined();
  });

  it("is which phases a change has ended", () => {
    const after = endPhase(records, { phase: "stopping.closing" }, 40, "done");
    expect(endedBy(records, after)).toEqual([after[3]]);
    expect(endedBy(records, [...records, open("stopped", 50)])).toEqual([]);
    expect(endedBy(records, records)).toEqual([]);
  });

  it("is the name of the tier's own phase under way, without the state around it", () => {
    const tiers = [open("starting"), open("starting.tools"), open("starting.index"), ended("starting.cache", 1)];
    expect(tierPhaseUnderWay(tiers)).toBe("index");
    expect(tierPhaseUnderWay(tiers.slice(0, 1))).toBeUndefined();
    expect(tierPhaseUnderWay([])).toBeUndefined();
  });
});

describe("a phase", () => {
  it("is a state, a step of stopping, or a tier's own", () => {
    for (const state of stateNames) expect([isState(state), isChartPhase(state)]).toEqual([true, true]);
    for (const step of stopSteps) expect([isState(`stopping.${step}`), isChartPhase(`stopping.${step}`)]).toEqual([false, true]);
    expect([isChartPhase("starting.tools"), isChartPhase("toString")]).toEqual([false, false]);
  });

  it("has a name by its part in a life", () => {
    expect([initialState, runningState, stoppingState, finalState, firstStep]).toEqual([
      "init",
      "running",
      "stopping",
      "stopped",
      "stopping.announcing",
    ]);
  });
});

describe("the state of a chart that has failed itself", () => {
  it("counts as stopping, whatever its value", () => {
    expect(stateName({ value: "running", status: "error" })).toBe("stopping");
    expect(stateName({ value: { healthy: "ready" }, status: "active" })).toBe("healthy");
    expect(stateName({ value: "running" })).toBe("running");
  });
});
