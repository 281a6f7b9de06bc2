/** The chart of the supervisor: where each event leads, what it does there, what it notes, and the time that it gives. */
import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import type { SupervisorContext, SupervisorSnapshot } from "../../machines/index.ts";
import { defaultSupervisorSettings, supervisorMachine } from "../../machines/index.ts";
import type { Cue } from "../kit/story.ts";
import { story } from "../kit/story.ts";

type AnyEvent = { type: string } & Record<string, unknown>;
const done = (actor: string, output: unknown): AnyEvent => ({ type: `xstate.done.actor.${actor}`, output });
const error = (actor: string): AnyEvent => ({ type: `xstate.error.actor.${actor}`, error: new Error("broken") });
const after = (delay: string, state: string): AnyEvent => ({ type: `xstate.after.${delay}.supervisor.${state}` });
const exited = (code: number | null, signal: string | null = null) => ({ type: "exited", code, signal });

const events = {
  stop: { type: "stop" },
  kill: { type: "kill" },
  "start: up": done("startChild", { type: "up" }),
  "start: exited 0": done("startChild", exited(0)),
  "start: exited 1": done("startChild", exited(1)),
  "start: exited 2": done("startChild", exited(2)),
  "start: error": error("startChild"),
  "start: timeout": after("startTimeout", "starting"),
  "watch: exited 0": done("watchChild", exited(0)),
  "watch: exited 1": done("watchChild", exited(1)),
  "watch: exited 2": done("watchChild", exited(2)),
  "watch: SIGKILL": done("watchChild", exited(null, "SIGKILL")),
  "watch: error": error("watchChild"),
  settled: after("settleTime", "up"),
  "backoff over": after("backoff", "backingOff"),
  "stop: exited": done("stopChild", exited(0)),
  "stop: error": error("stopChild"),
  "stop: timeout": after("stopTimeout", "stopping"),
  "kill: exited": done("killChild", exited(null, "SIGKILL")),
  "kill: error": error("killChild"),
  "replace: timeout": after("killTimeout", "replacing"),
  "kill: timeout": after("killTimeout", "killing"),
} satisfies Record<string, AnyEvent>;
type EventName = keyof typeof events;

/** From, event, to; whatever is not in it is refused. `4 failures` is the last chance before it is given up. */
const table: Record<string, Partial<Record<EventName, string>>> = {
  starting: {
    stop: "stopping",
    kill: "killing",
    "start: up": "up",
    "start: exited 0": "ended",
    "start: exited 1": "backingOff",
    "start: exited 2": "givenUp",
    "start: error": "backingOff",
    "start: timeout": "replacing",
  },
  "starting after 4 failures": {
    stop: "stopping",
    kill: "killing",
    "start: up": "up",
    "start: exited 0": "ended",
    "start: exited 1": "givenUp",
    "start: exited 2": "givenUp",
    "start: error": "givenUp",
    "start: timeout": "replacing",
  },
  up: {
    stop: "stopping",
    kill: "killing",
    "watch: exited 0": "ended",
    "watch: exited 1": "backingOff",
    "watch: exited 2": "givenUp",
    "watch: SIGKILL": "backingOff",
    "watch: error": "replacing",
    settled: "up",
  },
  "up after 4 failures": {
    stop: "stopping",
    kill: "killing",
    "watch: exited 0": "ended",
    "watch: exited 1": "givenUp",
    "watch: exited 2": "givenUp",
    "watch: SIGKILL": "givenUp",
    "watch: error": "replacing",
    settled: "up",
  },
  replacing: {
    stop: "killing",
    kill: "killing",
    "kill: exited": "backingOff",
    "kill: error": "givenUp",
    "replace: timeout": "givenUp",
  },
  "replacing after 4 failures": {
    stop: "killing",
    kill: "killing",
    "kill: exited": "givenUp",
    "kill: error": "givenUp",
    "replace: timeout": "givenUp",
  },
  backingOff: { stop: "stopped", kill: "stopped", "backoff over": "starting" },
  stopping: { kill: "killing", "stop: exited": "stopped", "stop: error": "killing", "stop: timeout": "killing" },
  killing: { "kill: exited": "stopped", "kill: error": "stopped", "kill: timeout": "stopped" },
  ended: {},
  givenUp: {},
  stopped: {},
};

const fresh = (): SupervisorContext => initialTransition(supervisorMachine, {})[0].context;
const at = (row: string): SupervisorSnapshot => {
  const [value, rest] = row.split(" after ");
  const context = { ...fresh(), failures: rest === undefined ? 0 : 4 };
  return supervisorMachine.resolveState({ value: value as never, context });
};
const next = (snapshot: SupervisorSnapshot, event: AnyEvent) => transition(supervisorMachine, snapshot, event as never)[0];

describe("the supervisor chart", () => {
  const rows = Object.keys(table).flatMap((from) => Object.keys(events).map((event) => [from, event as EventName] as const));
  it.each(rows)("%s, %s: goes where the table says, or is refused", (from, name) => {
    const to = table[from]?.[name];
    const snapshot = at(from);
    expect(snapshot.can(events[name] as never)).toBe(to !== undefined);
    if (to !== undefined) expect(next(snapshot, events[name]).value).toBe(to);
  });

  it("has no state that the table leaves out", () => {
    const named = new Set(Object.keys(table).map((row) => row.split(" after ")[0]));
    expect(Object.keys(supervisorMachine.states).sort()).toEqual([...named].sort());
  });

  it("has a delay for every name in `after`, and an answer to each end of every invoke", () => {
    for (const state of Object.values(supervisorMachine.states)) {
      for (const delay of state.after) expect(Object.keys(supervisorMachine.implementations.delays)).toContain(delay.delay);
      for (const { id } of state.invoke) {
        expect(state.ownEvents).toContain(`xstate.done.actor.${id}`);
        expect(state.ownEvents).toContain(`xstate.error.actor.${id}`);
      }
    }
  });

  it("forgets failures once the child has settled, and only then", () => {
    const up = at("up after 4 failures");
    expect(next(up, events.settled).context.failures).toBe(0);
    expect(next(at("starting after 4 failures"), events["start: up"]).context.failures).toBe(4);
  });

  it("doubles the backoff up to its cap, fully jittered", () => {
    const delay = supervisorMachine.implementations.delays["backoff" as never] as unknown as (args: unknown) => number;
    const of = (failures: number, random: number) => delay({ context: { ...fresh(), failures, random: () => random } });
    expect([1, 2, 3, 7, 20].map((failures) => of(failures, 1))).toEqual([500, 1000, 2000, 30_000, 30_000]);
    expect(of(3, 0)).toBe(0);
    expect(of(3, 0.25)).toBe(500);
  });
});

/** A supervision in which each step takes 100 ms, and chance says the middle. */
const supervisionOf = (cues: readonly Cue[], settings = {}) => {
  let time = 0;
  const input = { settings, now: () => time, random: () => 0.5 };
  const { steps, snapshot } = story(supervisorMachine, input, cues, (step) => {
    time = (step + 1) * 100;
  });
  return {
    steps: steps.map((line) => line.replace(/xstate.done.actor.(\w+) \{[^|]*\} ->/, "$1 ended ->")),
    snapshot: snapshot as unknown as SupervisorSnapshot,
  };
};
const contextOf = (cues: readonly Cue[], settings = {}) => supervisionOf(cues, settings).snapshot.context;
const outputOf = (cues: readonly Cue[], settings = {}) => supervisionOf(cues, settings).snapshot.output;

const isUp = events["start: up"];
const crashed = events["watch: exited 1"];
const crashedAtStart = events["start: exited 1"];
const restarted = [isUp, crashed, "after backoff"];
const report = { outcome: "failed", reason: "run failed", exitCode: 1 };

describe("a supervision, step by step", () => {
  it("a child that crashes, is lost sight of, replaced, and stopped", () => {
    const cues = [
      ...restarted,
      isUp,
      "after settleTime",
      "watchChild error",
      events["kill: exited"],
      "after backoff",
      isUp,
      "stop",
    ];
    expect(supervisionOf([...cues, events["stop: exited"]]).steps).toEqual([
      "starting | startTimeout in 90000 | start startChild",
      "startChild ended -> up | stop startChild | settleTime in 30000 | start watchChild",
      "watchChild ended -> backingOff | stop watchChild | backoff in 250",
      "after backoff -> starting | startTimeout in 90000 | start startChild",
      "startChild ended -> up | stop startChild | settleTime in 30000 | start watchChild",
      "after settleTime -> up",
      "watchChild error -> replacing | stop watchChild | killTimeout in 5000 | start killChild",
      "killChild ended -> backingOff | stop killChild | backoff in 250",
      "after backoff -> starting | startTimeout in 90000 | start startChild",
      "startChild ended -> up | stop startChild | settleTime in 30000 | start watchChild",
      "stop -> stopping | stop watchChild | stopTimeout in 30000 | start stopChild",
      "stopChild ended -> stopped | stop stopChild",
    ]);
  });

  it("a child that does not stop is killed", () => {
    expect(supervisionOf([isUp, "stop", "after stopTimeout", events["kill: exited"]]).steps.slice(2)).toEqual([
      "stop -> stopping | stop watchChild | stopTimeout in 30000 | start stopChild",
      "after stopTimeout -> killing | stop stopChild | killTimeout in 5000 | start killChild",
      "killChild ended -> stopped | stop killChild",
    ]);
  });
});

const spent = { maxQuickFailures: 1 };
const ends: readonly [string, object, readonly Cue[], object][] = [
  ["exited 0 while starting", {}, [events["start: exited 0"]], { end: "ended", exit: { code: 0, signal: null }, trouble: "" }],
  ["exited 0 while up", {}, [isUp, events["watch: exited 0"]], { end: "ended", exit: { code: 0, signal: null } }],
  [
    "exited 2",
    {},
    [events["start: exited 2"]],
    { end: "givenUp", trouble: "exited with code 2", exit: { code: 2, signal: null } },
  ],
  [
    "failed too often",
    spent,
    [isUp, crashed],
    { end: "givenUp", trouble: "exited with code 1", exit: { code: 1, signal: null } },
  ],
  [
    "ended by a signal too often",
    spent,
    [isUp, events["watch: SIGKILL"]],
    { end: "givenUp", trouble: "was ended by SIGKILL", exit: { code: null, signal: "SIGKILL" } },
  ],
  ["could not be started", spent, ["startChild error"], { end: "givenUp", trouble: "could not be started: trouble" }],
  [
    "did not start in time",
    spent,
    ["after startTimeout", "killChild done"],
    { end: "givenUp", trouble: "did not say that it runs within startTimeoutMs" },
  ],
  [
    "could not be killed",
    {},
    ["after startTimeout", "killChild error"],
    { end: "givenUp", trouble: "could not be killed: trouble" },
  ],
  [
    "was killed and stayed",
    {},
    ["after startTimeout", "after killTimeout"],
    { end: "givenUp", trouble: "was killed and did not go" },
  ],
  [
    "lost sight of",
    spent,
    [isUp, "watchChild error", "killChild done"],
    { end: "givenUp", trouble: "was lost sight of: trouble" },
  ],
  ["stopped", {}, [isUp, "stop", events["stop: exited"]], { end: "stopped", exit: { code: 0, signal: null }, stopMs: 100 }],
  ["stopped while backing off", {}, [isUp, crashed, "stop"], { end: "stopped", exit: { code: 1, signal: null }, stopMs: 0 }],
  ["killed while backing off", {}, [isUp, crashed, "kill"], { end: "stopped", trouble: "exited with code 1" }],
  ["killed", {}, [isUp, "kill", events["kill: exited"]], { end: "killed", exit: { code: null, signal: "SIGKILL" }, stopMs: 0 }],
  [
    "not to be asked",
    {},
    [isUp, "stop", "stopChild error", events["kill: exited"]],
    { end: "killed", trouble: "could not be asked to stop: trouble", stopMs: 200 },
  ],
  [
    "too slow to stop",
    {},
    [isUp, "stop", "after stopTimeout", events["kill: exited"]],
    { end: "killed", trouble: "did not stop within stopTimeoutMs" },
  ],
  [
    "not to be killed",
    {},
    [isUp, "kill", "killChild error"],
    { end: "killed", trouble: "could not be killed: trouble", exit: undefined },
  ],
  ["not gone when killed", {}, [isUp, "kill", "after killTimeout"], { end: "killed", trouble: "was killed and did not go" }],
  ["gone nobody knows how", {}, [isUp, "kill", "killChild done"], { end: "killed", exit: { code: null, signal: null } }],
];

describe("what a supervision notes", () => {
  it.each(ends)("how it ended: %s", (_, settings, cues, expected) => {
    expect(outputOf(cues, settings)).toMatchObject(expected);
  });

  it("nothing at first", () => {
    const { now: _, random: __, ...noted } = contextOf([]);
    expect(noted).toEqual({
      settings: defaultSupervisorSettings,
      phase: "",
      startedAt: 100,
      upAt: 0,
      stoppingAt: 0,
      restarts: 0,
      failures: 0,
      exit: undefined,
      report: undefined,
      trouble: "",
      end: undefined,
    });
  });

  it("what the child says of itself, until another is started", () => {
    const said = [isUp, { type: "child.said", phase: "running" }, { type: "child.reported", report }];
    expect(contextOf(said)).toMatchObject({ phase: "running", report, startedAt: 100, upAt: 200 });
    expect(contextOf([...said, crashed])).toMatchObject({ phase: "running", report, trouble: "exited with code 1" });
    expect(contextOf([...said, crashed, "after backoff"])).toMatchObject({
      phase: "",
      report: undefined,
      exit: undefined,
      trouble: "",
      upAt: 0,
      startedAt: 600,
      restarts: 1,
      failures: 1,
    });
    expect(outputOf([...said, crashed, "stop"])).toMatchObject({ report, restarts: 0 });
  });

  it("every quick failure and every start after the first", () => {
    const twice = [...restarted, events["start: exited 1"], "after backoff"];
    expect(contextOf(twice)).toMatchObject({ failures: 2, restarts: 2 });
    expect(contextOf([...twice, "startChild error"], { maxQuickFailures: 3 }).failures).toBe(3);
    expect(contextOf([...twice, crashedAtStart], { maxQuickFailures: 3 }).failures).toBe(3);
    expect(contextOf([...twice, "after startTimeout", "killChild done"], { maxQuickFailures: 3 }).failures).toBe(3);
  });

  it("a child is alive from its start to its end, and in no other state", () => {
    const alive = (cues: readonly Cue[]) => supervisionOf(cues).snapshot.hasTag("alive");
    for (const way of [[], [isUp], ["after startTimeout"], [isUp, "stop"], [isUp, "kill"]]) expect(alive(way)).toBe(true);
    for (const way of [
      [isUp, crashed],
      [isUp, events["watch: exited 0"]],
    ])
      expect(alive(way)).toBe(false);
  });

  it("has the figures of the contract by default, and a clock and a chance where none are given", () => {
    expect(defaultSupervisorSettings).toEqual({
      startTimeoutMs: 90_000,
      backoffMs: 500,
      maxBackoffMs: 30_000,
      settleMs: 30_000,
      maxQuickFailures: 5,
      stopTimeoutMs: 30_000,
      killTimeoutMs: 5000,
    });
    expect([fresh().now, fresh().random]).toEqual([Date.now, Math.random]);
    expect(contextOf([], { backoffMs: 3 }).settings).toEqual({ ...defaultSupervisorSettings, backoffMs: 3 });
  });
});

describe("an actor that was not provided", () => {
  it.each(["startChild", "watchChild", "stopChild", "killChild"])("%s fails with its own name", async (name) => {
    const { actors } = supervisorMachine.implementations as unknown as {
      actors: Record<string, { config: () => Promise<void> }>;
    };
    await expect(actors[name]!.config()).rejects.toThrow(`'${name}'`);
  });
});
