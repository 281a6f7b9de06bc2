/** The chart of the supervisor: where each event leads, what it does there, what it notes, and the time that it gives. */
import { describe, expect, it, vi } from "vitest";
import type { AnyStateNode } from "xstate";
import { createActor, initialTransition, transition } from "xstate";
import type { SupervisorContext, SupervisorEvent, SupervisorSnapshot } from "../../machines/index.ts";
import { deadlineOf, defaultSupervisorSettings, statePath, supervisorMachine, waitsForOf } from "../../machines/index.ts";
import type { Cue } from "../kit/story.ts";
import { story, trouble } from "../kit/story.ts";

type AnyEvent = { type: string } & Record<string, unknown>;
const after = (delay: string, state: string): AnyEvent => ({ type: `xstate.after.${delay}.supervisor.${state}` });
const exited = (code: number | null, signal: string | null = null): AnyEvent => ({ type: "child.exited", code, signal });
const state = (name: string): AnyEvent => ({ type: "child.state", state: name });
const failed: AnyEvent = { type: "child.failed", reason: "no such program" };
const running = state("running");
const spawned: AnyEvent = { type: "child.spawned", pid: 7 };
const address = { host: "127.0.0.1", port: 8081, taken: [8080] };
const listening: AnyEvent = { type: "child.listening", name: "http", address };
const report = { outcome: "failed", reason: "run failed", exitCode: 1 };
const reported: AnyEvent = { type: "child.reported", report };

const events = {
  stop: { type: "stop" },
  kill: { type: "kill" },
  spawned,
  "state running": running,
  "state jitter": state("jitter"),
  listening,
  reported,
  "exited 0": exited(0),
  "exited 1": exited(1),
  "exited 2": exited(2),
  "exited by SIGKILL": exited(null, "SIGKILL"),
  failed,
  "child error": { type: "xstate.error.actor.child", error: trouble },
  "start timeout": after("startTimeout", "alive.starting"),
  "replace timeout": after("killTimeout", "alive.replacing"),
  "backoff over": after("backoff", "backingOff"),
  "retry delay over": after("retryDelay", "givenUp"),
  "stop timeout": after("stopTimeout", "alive.stopping"),
  "kill timeout": after("killTimeout", "alive.killing"),
} satisfies Record<string, AnyEvent>;
type EventName = keyof typeof events;
type Row = Partial<Record<EventName, string>>;

/** What a living child may send in any state, and the effect of each where no command was given. */
const noted = (path: string): Row => ({
  spawned: path,
  "state running": path,
  "state jitter": path,
  listening: path,
  reported: path,
});
const exits: Row = {
  "exited 0": "ended",
  "exited 1": "backingOff",
  "exited 2": "givenUp",
  "exited by SIGKILL": "backingOff",
  failed: "backingOff",
  "child error": "givenUp",
};
const lastExits: Row = { ...exits, "exited 1": "givenUp", "exited by SIGKILL": "givenUp", failed: "givenUp" };
const stopped = { "exited 0": "stopped", "exited 1": "stopped", "exited 2": "stopped", "exited by SIGKILL": "stopped" };
const starting: Row = {
  ...noted("alive.starting"),
  "state running": "alive.up",
  stop: "alive.stopping",
  kill: "alive.killing",
  "start timeout": "alive.replacing",
};
const up: Row = { ...noted("alive.up"), stop: "alive.stopping", kill: "alive.killing" };
const replacing: Row = {
  ...noted("alive.replacing"),
  stop: "alive.killing",
  kill: "alive.killing",
  "replace timeout": "givenUp",
};

/** From, event, to; what is not in it is refused. `4 restarts` within the window are all that are made. */
const table: Record<string, Row> = {
  "alive.starting": { ...starting, ...exits },
  "alive.starting after 4 restarts": { ...starting, ...lastExits },
  "alive.up": { ...up, ...exits },
  "alive.up after 4 restarts": { ...up, ...lastExits },
  "alive.replacing": { ...replacing, ...exits },
  "alive.replacing after 4 restarts": { ...replacing, ...lastExits },
  "alive.stopping": {
    ...noted("alive.stopping"),
    ...stopped,
    failed: "stopped",
    "child error": "givenUp",
    kill: "alive.killing",
    "stop timeout": "alive.killing",
  },
  "alive.killing": {
    ...noted("alive.killing"),
    ...stopped,
    failed: "stopped",
    "child error": "givenUp",
    "kill timeout": "stopped",
  },
  backingOff: { stop: "stopped", kill: "stopped", "backoff over": "alive.starting" },
  ended: {},
  givenUp: { stop: "stopped", kill: "stopped", "retry delay over": "alive.starting" },
  stopped: {},
};

const valueAt = (path: string) => {
  const [outer = path, inner] = path.split(".");
  return inner === undefined ? outer : { [outer]: inner };
};
/** The chart in that state, with the child that it starts with. */
const at = (row: string): SupervisorSnapshot => {
  const [path = row, rest] = row.split(" after ");
  const settings = rest === undefined ? {} : { maxRestarts: 0 };
  const [begun] = initialTransition(supervisorMachine, { settings, now: () => 0 });
  const snapshot = supervisorMachine.resolveState({ value: valueAt(path) as never, context: begun.context });
  return Object.assign(snapshot, { children: begun.children });
};
const next = (snapshot: SupervisorSnapshot, event: AnyEvent) => transition(supervisorMachine, snapshot, event as never)[0];

describe("the chart of the supervisor", () => {
  const rows = Object.keys(table).flatMap((from) => Object.keys(events).map((event) => [from, event as EventName] as const));
  it.each(rows)("in %s, %s leads to the state in the table, or is refused", (from, name) => {
    const to = table[from]?.[name];
    const snapshot = at(from);
    expect(snapshot.can(events[name] as never)).toBe(to !== undefined);
    if (to !== undefined) expect(statePath(next(snapshot, events[name]))).toBe(to);
  });

  const { alive, ...others } = supervisorMachine.states;
  it("has no state that the table leaves out", () => {
    const named = new Set(Object.keys(table).map((row) => row.split(" after ")[0]));
    const paths = [...Object.keys(others), ...Object.keys(alive!.states).map((name) => `alive.${name}`)];
    expect(paths.sort()).toEqual([...named].sort());
  });

  it("describes every state, and names a deadline that exists where a state ends by itself", () => {
    for (const node of [alive!, ...Object.values(others), ...Object.values(alive!.states)] as AnyStateNode[]) {
      expect(node.description).toMatch(/^[A-Z].*\.$/);
      const deadline = (node.meta as { deadline?: string } | undefined)?.deadline;
      expect(node.after.map(({ delay }) => delay)).toEqual(deadline === undefined ? [] : [deadline]);
      expect(Object.keys(supervisorMachine.implementations.delays)).toEqual(
        expect.arrayContaining(deadline === undefined ? [] : [deadline]),
      );
    }
  });

  it("names what it waits for and its deadline", () => {
    expect(waitsForOf(at("alive.starting"))).toBe("the child's service to be running");
    expect(deadlineOf(at("alive.starting"))).toEqual({ name: "startTimeout", ms: 90_000 });
    expect(waitsForOf(at("alive.up"))).toBe("the child's exit, for as long as it lives");
    expect(deadlineOf(at("alive.up"))).toBeUndefined();
    expect(waitsForOf(at("alive.replacing"))).toBe("the exit of a child that was killed");
    expect(waitsForOf(at("alive.stopping"))).toBe("the exit of a child that was asked to stop");
    expect(waitsForOf(at("alive.killing"))).toBe("the exit of a child that was killed");
    expect(waitsForOf(at("backingOff"))).toBe("the backoff to pass");
    const died = next(at("alive.up"), exited(1));
    expect(deadlineOf(died)).toEqual({ name: "backoff", ms: died.context.backoffMs });
    expect(waitsForOf(at("givenUp"))).toBe("a whole restartWindowMs to pass");
    expect(deadlineOf(at("givenUp"))).toEqual({ name: "retryDelay", ms: 600_000 });
  });

  it("doubles the backoff for each restart within the window, up to its cap, fully jittered", () => {
    const backoff = (restarts: number, random: number) => {
      const { context, ...up } = at("alive.up");
      const settings = { ...context.settings, maxRestarts: 100 };
      const restartedAt = Array<number>(restarts).fill(0);
      const drawn = Object.assign(
        supervisorMachine.resolveState({ value: up.value, context: { ...context, settings, restartedAt, random: () => random } }),
        { children: up.children },
      );
      return next(drawn, exited(1)).context.backoffMs;
    };
    expect([0, 1, 2, 6, 20].map((restarts) => backoff(restarts, 1))).toEqual([500, 1000, 2000, 30_000, 30_000]);
    expect(backoff(2, 0)).toBe(0);
    expect(backoff(2, 0.25)).toBe(500);
  });
});

/** A supervision in which each step takes 100 ms, and chance is always the middle. */
const supervisionOf = (cues: readonly Cue[], settings = {}) => {
  let time = 0;
  const input = { settings, now: () => time, random: () => 0.5 };
  const { steps, snapshot } = story(supervisorMachine, input, cues, (step) => {
    time = (step + 1) * 100;
  });
  return { steps, snapshot: snapshot as unknown as SupervisorSnapshot };
};
const contextOf = (cues: readonly Cue[], settings = {}): SupervisorContext => supervisionOf(cues, settings).snapshot.context;
const outputOf = (cues: readonly Cue[], settings = {}) => supervisionOf(cues, settings).snapshot.output;

const cue = (event: AnyEvent): Cue => event as unknown as Cue;
const isUp = cue(running);
const crashed = cue(exited(1));
const restarted: Cue[] = [isUp, crashed, "after backoff"];

describe("a supervision, step by step", () => {
  it("starts, restarts and replaces one child at a time, and terminates the last", () => {
    const cues: Cue[] = [cue(listening), ...restarted, "after startTimeout", cue(exited(null, "SIGKILL")), "after backoff", isUp];
    expect(supervisionOf([...cues, "stop", cue(exited(0))]).steps).toEqual([
      'alive.starting | start child {"addresses":{},"restarts":0} | startTimeout in 90000',
      `child.listening http ${JSON.stringify(address)} -> alive.starting`,
      "child.state running -> alive.up",
      "child.exited 1 null -> backingOff | stop child | backoff in 250",
      `after backoff -> alive.starting | start child {"addresses":{"http":${JSON.stringify(address)}},"restarts":1} | startTimeout in 90000`,
      "after startTimeout -> alive.replacing | child <- kill | killTimeout in 5000",
      "child.exited null SIGKILL -> backingOff | stop child | backoff in 500",
      `after backoff -> alive.starting | start child {"addresses":{"http":${JSON.stringify(address)}},"restarts":2} | startTimeout in 90000`,
      "child.state running -> alive.up",
      "stop -> alive.stopping | child <- terminate | stopTimeout in 30000",
      "child.exited 0 null -> stopped | stop child",
    ]);
  });

  it("waits for a child that stops by itself, and sends it no SIGTERM", () => {
    expect(supervisionOf([isUp, cue(state("stopping")), "stop", cue(exited(0))]).steps.slice(3)).toEqual([
      "stop -> alive.stopping | stopTimeout in 30000",
      "child.exited 0 null -> stopped | stop child",
    ]);
  });

  it("kills a child that does not stop", () => {
    expect(supervisionOf([isUp, "stop", "after stopTimeout", cue(exited(null, "SIGKILL"))]).steps.slice(2)).toEqual([
      "stop -> alive.stopping | child <- terminate | stopTimeout in 30000",
      "after stopTimeout -> alive.killing | child <- kill | killTimeout in 5000",
      "child.exited null SIGKILL -> stopped | stop child",
    ]);
  });
});

describe("a child that was given up", () => {
  const settings = { maxRestarts: 1, restartWindowMs: 400 };
  const lost = [...restarted, crashed];

  it("is started again after a whole window, with the restarts of the window before it forgotten", () => {
    const { steps } = supervisionOf([...lost, "after retryDelay", isUp, crashed, "stop"], settings);
    expect(steps.slice(4, 6)).toEqual([
      "child.exited 1 null -> givenUp | stop child | retryDelay in 400",
      'after retryDelay -> alive.starting | start child {"addresses":{},"restarts":2} | startTimeout in 90000',
    ]);
  });

  it.each(["stop", "kill"])("ends as given up by a %s, as it does where its retry failed", (command) => {
    expect(outputOf([...lost, command], settings)).toMatchObject({ end: "givenUp", restarts: 1, stopMs: 0 });
    expect(outputOf([...lost, "after retryDelay", cue(exited(2)), command], settings)).toMatchObject({ end: "givenUp" });
  });

  it("ends as it does after a retry that held", () => {
    expect(outputOf([...lost, "after retryDelay", isUp, "stop", cue(exited(0))], settings)).toMatchObject({ end: "stopped" });
  });
});

const spent = { maxRestarts: 0 };
const ends: readonly [string, object, readonly Cue[], object][] = [
  ["exits 0 while starting", {}, [cue(exited(0))], { end: "ended", exit: { code: 0, signal: null }, trouble: "" }],
  ["exits 0 while up", {}, [isUp, cue(exited(0))], { end: "ended", exit: { code: 0, signal: null }, trouble: "" }],
  ["exits 2", {}, [cue(exited(2)), "stop"], { end: "givenUp", trouble: "exited with code 2", exit: { code: 2, signal: null } }],
  [
    "fails too often",
    spent,
    [isUp, crashed, "stop"],
    { end: "givenUp", trouble: "exited with code 1", exit: { code: 1, signal: null } },
  ],
  [
    "is ended by a signal too often",
    spent,
    [isUp, cue(exited(null, "SIGKILL")), "stop"],
    { end: "givenUp", trouble: "was ended by SIGKILL" },
  ],
  [
    "has neither code nor signal",
    spent,
    [isUp, cue(exited(null)), "stop"],
    { end: "givenUp", trouble: "ended without being asked to" },
  ],
  ["cannot be started", spent, [cue(failed), "stop"], { end: "givenUp", trouble: "could not be started: no such program" }],
  [
    "does not start in time",
    spent,
    ["after startTimeout", cue(exited(null, "SIGKILL")), "stop"],
    { end: "givenUp", trouble: "was not running within startTimeoutMs", exit: { code: null, signal: "SIGKILL" } },
  ],
  [
    "is killed to be replaced and stays",
    {},
    ["after startTimeout", "after killTimeout", "stop"],
    { end: "givenUp", trouble: "was not running within startTimeoutMs; did not exit within killTimeoutMs of SIGKILL" },
  ],
  ["breaks its actor", {}, [isUp, "child error", "stop"], { end: "givenUp", trouble: "broke its supervision: trouble" }],
  ["is stopped", {}, [isUp, "stop", cue(exited(0))], { end: "stopped", exit: { code: 0, signal: null }, stopMs: 100 }],
  ["is stopped before it was started", {}, ["stop", cue(failed)], { end: "stopped", exit: undefined, stopMs: 100, trouble: "" }],
  ["is stopped while backing off", {}, [isUp, crashed, "stop"], { end: "stopped", exit: { code: 1, signal: null }, stopMs: 0 }],
  ["is killed while backing off", {}, [isUp, crashed, "kill"], { end: "stopped", trouble: "exited with code 1" }],
  [
    "is killed",
    {},
    [isUp, "kill", cue(exited(null, "SIGKILL"))],
    { end: "killed", exit: { code: null, signal: "SIGKILL" }, stopMs: 0 },
  ],
  ["is killed before it was started", {}, ["kill", cue(failed)], { end: "killed", exit: undefined, trouble: "" }],
  [
    "is too slow to stop",
    {},
    [isUp, "stop", "after stopTimeout", cue(exited(null, "SIGKILL"))],
    { end: "killed", trouble: "did not stop within stopTimeoutMs", stopMs: 200 },
  ],
  [
    "is killed and stays",
    {},
    [isUp, "kill", "after killTimeout"],
    { end: "killed", trouble: "did not exit within killTimeoutMs of SIGKILL", exit: undefined },
  ],
];

describe("what a supervision notes", () => {
  it.each(ends)("of a child that %s: how it ended", (_, settings, cues, expected) => {
    expect(outputOf(cues, settings)).toMatchObject(expected);
  });

  it("is nothing at first", () => {
    const { now: _, random: __, ...noted } = contextOf([]);
    expect(noted).toEqual({
      settings: defaultSupervisorSettings,
      pid: undefined,
      phase: "",
      addresses: {},
      restarts: 0,
      restartedAt: [],
      backoffMs: 0,
      stoppingAt: undefined,
      exit: undefined,
      report: undefined,
      trouble: "",
      end: undefined,
    });
  });

  it("is what the child sends, until another is started; its addresses stay", () => {
    const sent = [cue(spawned), cue(listening), isUp, cue(state("stopping")), cue(reported)];
    const known = { pid: 7, phase: "stopping", report, addresses: { http: address } };
    expect(contextOf(sent)).toMatchObject(known);
    expect(contextOf([...sent, crashed])).toMatchObject({ ...known, pid: undefined, trouble: "exited with code 1" });
    expect(contextOf([...sent, crashed, "after backoff"])).toMatchObject({
      pid: undefined,
      phase: "",
      report: undefined,
      exit: undefined,
      trouble: "",
      addresses: { http: address },
      restarts: 1,
      restartedAt: [800],
    });
    expect(outputOf([...sent, crashed, "stop"])).toMatchObject({ report, restarts: 0 });
  });

  it("is each address of the child, by its name", () => {
    const health = { ...address, port: 9090 };
    const both = [cue(listening), cue({ ...listening, name: "health", address: health })];
    expect(contextOf(both).addresses).toEqual({ http: address, health });
  });

  it("is every restart, and of those within the window when they were made", () => {
    const thrice = [...restarted, crashed, "after backoff", crashed, "after backoff"];
    expect(contextOf(thrice, { restartWindowMs: 201 })).toMatchObject({ restarts: 3, restartedAt: [600, 800] });
    expect(contextOf(thrice, { restartWindowMs: 200 })).toMatchObject({ restarts: 3, restartedAt: [800] });
    expect(outputOf([...thrice, crashed, "stop"], { maxRestarts: 3 })).toMatchObject({ end: "givenUp", restarts: 3 });
    expect(outputOf([...thrice, crashed], { maxRestarts: 3, restartWindowMs: 400 })).toBeUndefined();
  });

  it("has the documented figures by default, and a clock and a chance where none are given", () => {
    expect(defaultSupervisorSettings).toEqual({
      startTimeoutMs: 90_000,
      backoffMs: 500,
      maxBackoffMs: 30_000,
      maxRestarts: 4,
      restartWindowMs: 600_000,
      stopTimeoutMs: 30_000,
      killTimeoutMs: 5000,
    });
    const { context } = initialTransition(supervisorMachine, {})[0];
    const clock = vi.spyOn(performance, "now").mockReturnValue(1234);
    expect(context.now()).toBe(1234);
    clock.mockRestore();
    expect(context.random).toBe(Math.random);
    expect(contextOf([], { backoffMs: 3 }).settings).toEqual({ ...defaultSupervisorSettings, backoffMs: 3 });
  });
});

describe("a child that was not provided", () => {
  it("is given up with its own name", () => {
    const actor = createActor(supervisorMachine, { input: {} }).start();
    actor.send({ type: "stop" } satisfies SupervisorEvent);
    expect(actor.getSnapshot().output).toMatchObject({
      end: "givenUp",
      trouble: "broke its supervision: actor 'child' was not provided",
    });
  });
});
