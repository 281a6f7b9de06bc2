/** The chart of the health port: where each event leads, what it does there, what it notes, and which facts it emits. */
import { describe, expect, it } from "vitest";
import type { AnyStateMachine } from "xstate";
import { createActor, fromCallback, fromPromise, transition } from "xstate";
import type { CheckSettings, CheckVerdict, HealthPortInput, HealthPortSnapshot } from "../../machines/index.ts";
import { descriptionOf, healthPortMachine, statePath, statesOf, waitsForAt, waitsForOf } from "../../machines/index.ts";
import { chartOf } from "../../src/charts/graph.ts";
import type { Model, ModelEvent } from "../kit/model.ts";
import { declaredTransitions, eventName, graphOf, sequencesOf, walk } from "../kit/model.ts";
import type { Cue } from "../kit/story.ts";
import { story } from "../kit/story.ts";

const idle = fromCallback(() => {});
const never = fromPromise<never, never>(() => new Promise<never>(() => {}));
const callbacks = ["probeThread", "mainPort", "noticeBoard", "loopWatch"];
const machine = healthPortMachine.provide({
  actors: Object.fromEntries([...[...callbacks, "check"].map((name) => [name, idle]), ["loadApp", never]]) as never,
});

const wanted = { host: "127.0.0.1", port: 0 };
const address = { host: "127.0.0.1", port: 8123 };
const error = new Error("table");
const checks: readonly CheckSettings[] = [
  { check: "redis", kind: "redis", failures: 3, successes: 1 },
  { check: "database", kind: "readiness", failures: 3, successes: 1 },
];
const missed = (failures: number, check = "database", kind: CheckVerdict["kind"] = "readiness"): CheckVerdict => ({
  check,
  kind,
  passing: failures < 3,
  failures,
  reason: "refused",
});
const events: Readonly<Record<string, ModelEvent>> = Object.fromEntries(
  [
    { type: "destroy", error },
    { type: "port.listening", address },
    { type: "port.refused", error },
    { type: "thread.exited", reason: "crashed" },
    { type: "check.judged", verdict: missed(1) },
    { type: "loop.blocked", blockedMs: 1200 },
    { type: "health.server.failed", reason: "EMFILE" },
    { type: "health.request.failed", url: "/status", reason: "no" },
    { type: "metrics.failed", reason: "no" },
  ].map((event) => [event.type, event]),
);
const inputOf = (own: Partial<HealthPortInput> = {}): HealthPortInput => ({
  wanted,
  hasThread: true,
  checks,
  ...own,
});
const modelOf = (own: Partial<HealthPortInput> = {}): Model<HealthPortSnapshot> => ({
  machine: machine as unknown as AnyStateMachine,
  input: inputOf(own),
  key: ({ value, context }) => [value, context.closing],
  payloads: Object.fromEntries(Object.entries(events).map(([type, event]) => [type, () => [event]])),
});

const partsOf = (snapshot: HealthPortSnapshot) => (snapshot.value as { listening?: { port: string; checks: string } }).listening;
/** where the port is; whether it is to close as soon as it is open */
const portOf = (snapshot: HealthPortSnapshot): string => {
  const port = partsOf(snapshot)?.port;
  return `${port === undefined ? statePath(snapshot) : `listening.${port}`}${snapshot.context.closing ? ", to close" : ""}`;
};
const checksOf = (snapshot: HealthPortSnapshot): string | undefined => partsOf(snapshot)?.checks;

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;
/** Where each event leads that `place` knows, by where it comes from; `=` for an arrow that stays. */
const tableOf = (edges: ReturnType<typeof graphOf<HealthPortSnapshot>>["edges"], place: typeof checksOf): Table => {
  const table: Record<string, Record<string, string>> = {};
  for (const { from, event, to } of edges) {
    const [source, target] = [place(from), place(to)];
    if (source === undefined) continue;
    table[source] = { ...table[source], [eventName(event)]: target === source ? "=" : (target ?? "out") };
  }
  return table;
};

const reports = {
  "loop.blocked": "=",
  "health.server.failed": "=",
  "health.request.failed": "=",
  "metrics.failed": "=",
  "metrics.restored": "=",
};
const checkEvents = { "check.judged": "=", "service.stopping": "=" };

/** from / event / to, for a port with a probe thread */
const withThread: Table = {
  "closed.idle": { ...reports, prepare: "closed.prepared", open: "starting.thread", close: "gone", destroy: "gone" },
  "closed.prepared": {
    ...reports,
    open: "starting.thread",
    close: "ending.killed",
    destroy: "ending.killed",
    "thread.exited": "closed.idle",
  },
  "starting.thread": {
    ...reports,
    "port.listening": "listening.thread",
    "port.refused": "ending.killed",
    "thread.exited": "starting.main",
    close: "starting.thread, to close",
    destroy: "ending.killed",
  },
  "starting.thread, to close": {
    ...reports,
    "port.listening": "ending.thread, to close",
    "port.refused": "ending.killed, to close",
    "thread.exited": "starting.main, to close",
    close: "=",
    destroy: "ending.killed, to close",
  },
  "starting.main": {
    ...reports,
    "port.listening": "listening.main",
    "port.refused": "ending.main",
    close: "starting.main, to close",
    destroy: "ending.main",
  },
  "starting.main, to close": {
    ...reports,
    "port.listening": "ending.main, to close",
    "port.refused": "ending.main, to close",
    close: "=",
    destroy: "ending.main, to close",
  },
  "listening.thread": {
    ...reports,
    ...checkEvents,
    close: "ending.thread",
    destroy: "ending.killed",
    "thread.exited": "listening.moving",
  },
  "listening.moving": {
    ...reports,
    ...checkEvents,
    "port.listening": "listening.main",
    "port.refused": "listening.lost",
    close: "listening.moving, to close",
    destroy: "ending.main",
  },
  "listening.moving, to close": {
    ...reports,
    ...checkEvents,
    "port.listening": "ending.main, to close",
    "port.refused": "ending.main, to close",
    close: "=",
    destroy: "ending.main, to close",
  },
  "listening.main": { ...reports, ...checkEvents, close: "ending.main", destroy: "ending.main" },
  "listening.lost": { ...reports, ...checkEvents, close: "ending.main", destroy: "ending.main" },
  "ending.thread": {
    ...reports,
    "port.ended": "parting",
    "thread.exited": "gone",
    destroy: "ending.killed",
  },
  "ending.killed": { ...reports, "thread.exited": "gone" },
  "ending.main": { ...reports, "port.ended": "gone", destroy: "=" },
  parting: { ...reports, "thread.exited": "gone" },
};

/** what is different where the main thread holds the port from the start */
const withoutThread: Table = {
  "closed.idle": { ...reports, prepare: "closed.loading", open: "starting.main", close: "gone", destroy: "gone" },
  "closed.loading": { ...reports, open: "starting.main", close: "gone", destroy: "gone" },
};

/** Once it ends it no longer matters that a close was asked for before. */
const endings = (table: Table): Table =>
  Object.fromEntries(
    Object.entries(table)
      .filter(([from]) => /^(ending|parting)/.test(from) && !from.endsWith("to close"))
      .map(([from, row]) => [
        `${from}, to close`,
        Object.fromEntries(Object.entries(row).map(([event, to]) => [event, to === "=" ? "=" : `${to}, to close`])),
      ]),
  );

const worlds = {
  withThread: graphOf(modelOf()),
  withoutThread: graphOf(modelOf({ hasThread: false })),
};

describe("the chart of the health port", () => {
  it("every state takes exactly these events, and they lead exactly there", () => {
    expect(tableOf(worlds.withThread.edges, portOf)).toEqual({ ...withThread, ...endings(withThread) });
  });

  it("without a probe thread the main thread holds the port, and no state knows of a thread", () => {
    const { "closed.idle": _, ...rest } = tableOf(worlds.withoutThread.edges, portOf);
    expect(tableOf(worlds.withoutThread.edges, portOf)).toMatchObject(withoutThread);
    expect(Object.keys(rest).filter((path) => /thread$|killed|moving|lost|prepared/.test(path))).toEqual([]);
    for (const path of ["starting.main", "listening.main", "ending.main"]) expect(rest[path]).toEqual(withThread[path]);
  });

  it("the checks run until the service stops, whichever thread holds the port", () => {
    const own = worlds.withThread.edges.filter(
      ({ event, to }) => /^(check|service)\./.test(event.type) && partsOf(to) !== undefined,
    );
    expect(tableOf(own, checksOf)).toEqual({ due: { "check.judged": "=", "service.stopping": "over" } });
    expect(new Set(own.map(({ from }) => partsOf(from)?.port))).toEqual(new Set(["thread", "moving", "main", "lost"]));
  });

  it("takes every transition that it declares, on some path", () => {
    const taken = new Set<string>();
    for (const model of [modelOf(), modelOf({ hasThread: false })])
      for (const { events } of sequencesOf(model)) for (const name of walk(model.machine, model.input, events)) taken.add(name);
    expect([...declaredTransitions(machine as unknown as AnyStateMachine)].filter((name) => !taken.has(name))).toEqual([]);
  });

  it("comes to its end from everywhere: a destroy, and then what the actors report", () => {
    const ends = ["destroy", "port.ended", "thread.exited"];
    for (const { states, reach } of [worlds.withThread, worlds.withoutThread])
      for (const snapshot of states)
        expect(
          reach(snapshot, { takes: ({ event }) => ends.includes(event.type) }).some(({ status }) => status === "done"),
          statePath(snapshot),
        ).toBe(true);
  });

  it("has tags for a port that is held, for answers that end their connection, and for a port that is free for good", () => {
    const tagged = (tag: "bound" | "ending" | "free") =>
      [
        ...new Set(worlds.withThread.states.filter((snapshot) => snapshot.hasTag(tag)).map((s) => portOf(s).split(",")[0]!)),
      ].sort();
    expect(tagged("bound")).toEqual(["listening.main", "listening.thread"]);
    expect(tagged("free")).toEqual(["gone", "parting"]);
    const all = worlds.withThread.states.map((snapshot) => portOf(snapshot).split(",")[0]!);
    expect(tagged("ending")).toEqual([...new Set(all.filter((path) => /^(ending|parting)/.test(path)))].sort());
  });

  it("describes each state in a sentence, and names what each waiting state waits for", () => {
    const states = chartOf(machine as unknown as AnyStateMachine).states;
    const regions = ["port", "checks"].map(
      (name) => states.find((state) => state.name === name && state.children.length > 0)?.id,
    );
    expect(
      states.filter(({ id, description }) => description === undefined && !regions.includes(id)).map(({ id }) => id),
    ).toEqual([]);
    const waits = Object.fromEntries(
      [...worlds.withThread.states].map((snapshot) => [portOf(snapshot).split(",")[0]!, waitsForOf(snapshot)]),
    );
    expect(waits).toMatchObject({
      "closed.prepared": "open",
      "starting.thread": "the probe thread to listen",
      "starting.main": "the main thread to listen",
      "listening.thread": "",
      "listening.moving": "the main thread to listen",
      "ending.thread": "the last answers of the probe thread",
      "ending.killed": "the probe thread to exit",
      "ending.main": "the last answers of the main thread",
      parting: "the probe thread to exit",
      gone: "",
    });
    expect(waitsForAt(machine as unknown as AnyStateMachine, "closed.loading")).toBe("open");
    expect(
      statesOf(machine as unknown as AnyStateMachine)
        .filter(({ tone }) => tone === "good")
        .map(({ name }) => name),
    ).toEqual(["listening"]);
    expect(descriptionOf(at(["open"]))).toBe("The probe thread was asked to listen.");
  });
});

const cue = (type: string, own: object = {}): Cue => ({ ...(events[type] ?? { type }), ...own }) as Cue;
const play = (cues: readonly Cue[], own: Partial<HealthPortInput> = {}) => {
  const { steps, snapshot } = story(machine as unknown as AnyStateMachine, inputOf(own), cues);
  return { steps, snapshot: snapshot as unknown as HealthPortSnapshot };
};
const at = (cues: readonly Cue[], own: Partial<HealthPortInput> = {}) => play(cues, own).snapshot;
const lastOf = (cues: readonly Cue[], own: Partial<HealthPortInput> = {}) => play(cues, own).steps.at(-1);
const onlyMain = { hasThread: false, checks: [] };

const listening: readonly Cue[] = ["open", cue("port.listening")];
const moving: readonly Cue[] = [...listening, cue("thread.exited")];
const moved: readonly Cue[] = [...moving, cue("port.listening")];

describe("a port, step by step", () => {
  it("is prepared, opened on the thread, moved to the main thread when that exits, closed, and gone", () => {
    const cues = ["prepare", ...moved, "close", "port.ended"];
    expect(play(cues).steps).toMatchInlineSnapshot(`
      [
        "closed.idle",
        "prepare -> closed.prepared | start probeThread",
        "open -> starting.thread | probeThread <- listen 127.0.0.1 0",
        "port.listening {"host":"127.0.0.1","port":8123} -> listening.port.thread+checks.due | emit health.listening 127.0.0.1 8123 | start noticeBoard | start loopWatch | start check.redis.redis | start check.readiness.database",
        "thread.exited crashed -> listening.port.moving+checks.due | emit health.thread.died crashed | stop probeThread | start mainPort | mainPort <- listen 127.0.0.1 8123",
        "port.listening {"host":"127.0.0.1","port":8123} -> listening.port.main+checks.due | emit health.port.moved 127.0.0.1 8123",
        "close -> ending.main | stop check.redis.redis | stop check.readiness.database | stop noticeBoard | stop loopWatch | mainPort <- end",
        "port.ended -> gone | stop mainPort",
      ]
    `);
  });

  it("on the thread alone: the close lets it answer, and the port is free while the thread exits", () => {
    const cues = [...listening, "close", "port.ended", cue("thread.exited")];
    expect(play(cues).steps).toMatchInlineSnapshot(`
      [
        "closed.idle",
        "open -> starting.thread | start probeThread | probeThread <- listen 127.0.0.1 0",
        "port.listening {"host":"127.0.0.1","port":8123} -> listening.port.thread+checks.due | emit health.listening 127.0.0.1 8123 | start noticeBoard | start loopWatch | start check.redis.redis | start check.readiness.database",
        "close -> ending.thread | stop check.redis.redis | stop check.readiness.database | stop noticeBoard | stop loopWatch | probeThread <- end",
        "port.ended -> parting | probeThread <- cut",
        "thread.exited crashed -> gone | stop probeThread",
      ]
    `);
  });

  it("on the main thread alone: Fastify is loaded beside the boot, and no thread is ever started", () => {
    const cues = ["prepare", ...listening, "close", cue("destroy"), "port.ended"];
    expect(play(cues, onlyMain).steps).toMatchInlineSnapshot(`
      [
        "closed.idle",
        "prepare -> closed.loading | start loadApp",
        "open -> starting.main | stop loadApp | start mainPort | mainPort <- listen 127.0.0.1 0",
        "port.listening {"host":"127.0.0.1","port":8123} -> listening.port.main+checks.due | emit health.listening 127.0.0.1 8123 | start noticeBoard | start loopWatch",
        "close -> ending.main | stop noticeBoard | stop loopWatch | mainPort <- end",
        "destroy {} -> ending.main | mainPort <- cut",
        "port.ended -> gone | stop mainPort",
      ]
    `);
  });

  it("that is destroyed cuts at once, on either thread", () => {
    const destroyed = [["prepare"], ["open"], listening, moving, moved, [...listening, "close"], [...moved, "close"]];
    expect(destroyed.map((cues) => lastOf([...cues, cue("destroy")] as Cue[]))).toMatchInlineSnapshot(`
      [
        "destroy {} -> ending.killed | probeThread <- cut",
        "destroy {} -> ending.killed | probeThread <- cut",
        "destroy {} -> ending.killed | stop check.redis.redis | stop check.readiness.database | stop noticeBoard | stop loopWatch | probeThread <- cut",
        "destroy {} -> ending.main | stop check.redis.redis | stop check.readiness.database | stop noticeBoard | stop loopWatch | mainPort <- end | mainPort <- cut",
        "destroy {} -> ending.main | stop check.redis.redis | stop check.readiness.database | stop noticeBoard | stop loopWatch | mainPort <- end | mainPort <- cut",
        "destroy {} -> ending.killed | probeThread <- cut",
        "destroy {} -> ending.main | mainPort <- cut",
      ]
    `);
  });

  it("starts a thread only where there is to be one, and releases one that has exited", () => {
    expect(lastOf(["open"], onlyMain)).toBe("open -> starting.main | start mainPort | mainPort <- listen 127.0.0.1 0");
    expect(lastOf(["prepare", "close"])).toBe("close -> ending.killed | probeThread <- cut");
    expect(lastOf(["prepare", cue("thread.exited")])).toBe("thread.exited crashed -> closed.idle | stop probeThread");
    expect(lastOf(["open", cue("thread.exited")])).toBe(
      "thread.exited crashed -> starting.main | emit health.thread.died crashed | stop probeThread | start mainPort | mainPort <- listen 127.0.0.1 0",
    );
    expect(lastOf([...listening, cue("destroy"), cue("thread.exited")])).toContain("stop probeThread");
  });

  it("that is refused is given up: a thread is terminated, the main thread holds nothing", () => {
    expect(lastOf(["open", cue("port.refused")])).toMatchInlineSnapshot(
      `"port.refused {} -> ending.killed | probeThread <- cut"`,
    );
    expect(lastOf(["open", cue("port.refused")], onlyMain)).toMatchInlineSnapshot(
      `"port.refused {} -> ending.main | mainPort <- end"`,
    );
  });

  it("whose close came before it was open is opened, and closed in the same step", () => {
    expect(lastOf(["open", "close", cue("port.listening")])).toMatchInlineSnapshot(
      `"port.listening {"host":"127.0.0.1","port":8123} -> ending.thread | emit health.listening 127.0.0.1 8123 | probeThread <- end"`,
    );
    expect(lastOf(["open", "close", cue("port.listening")], onlyMain)).toMatchInlineSnapshot(
      `"port.listening {"host":"127.0.0.1","port":8123} -> ending.main | emit health.listening 127.0.0.1 8123 | mainPort <- end"`,
    );
    expect(lastOf([...moving, "close", cue("port.listening")])).toMatchInlineSnapshot(
      `"port.listening {"host":"127.0.0.1","port":8123} -> ending.main | emit health.port.moved 127.0.0.1 8123 | stop check.redis.redis | stop check.readiness.database | stop noticeBoard | stop loopWatch | mainPort <- end"`,
    );
    expect(lastOf([...moving, "close", cue("port.refused")])).toMatchInlineSnapshot(
      `"port.refused {} -> ending.main | emit health.server.failed table | stop check.redis.redis | stop check.readiness.database | stop noticeBoard | stop loopWatch | mainPort <- end"`,
    );
  });
});

describe("the facts of a port", () => {
  const emitted = (cues: readonly Cue[]) =>
    play(cues).steps.flatMap((step) => step.split(" | ").filter((part) => part.startsWith("emit")));
  /** where the port listens for the first time */
  const open = "emit health.listening 127.0.0.1 8123";

  it("the first time that it listens is one, with the address, on either thread", () => {
    expect(emitted(listening)).toEqual([open]);
    expect(emitted(["open", cue("thread.exited"), cue("port.listening")]).at(-1)).toBe(open);
  });

  it("an exit of the thread is one where it was needed, not where it was asked for or not yet needed", () => {
    const died = "emit health.thread.died crashed";
    expect(emitted(["open", cue("thread.exited")])).toEqual([died]);
    expect(emitted([...listening, "close", cue("thread.exited")])).toEqual([open, died]);
    expect(emitted(["prepare", cue("thread.exited")])).toEqual([]);
    expect(emitted([...listening, cue("destroy"), cue("thread.exited")])).toEqual([open]);
    expect(emitted([...listening, "close", "port.ended", cue("thread.exited")])).toEqual([open]);
  });

  it("a move is one, with the address; a move that fails is one with the reason", () => {
    expect(emitted(moved)).toEqual([open, "emit health.thread.died crashed", "emit health.port.moved 127.0.0.1 8123"]);
    expect(emitted([...moving, cue("port.refused")]).at(-1)).toBe("emit health.server.failed table");
  });

  it("what a check reports is emitted as it is, and a verdict that is no fact is none", () => {
    const fact = { type: "check.failed", check: "database", kind: "readiness", failures: 3, reason: "refused" };
    const cues = [...listening, cue("check.judged"), cue("check.judged", { verdict: missed(3), fact })];
    expect(emitted(cues).slice(1)).toEqual(["emit check.failed database readiness 3 refused"]);
  });

  it("what the actors report in any state is emitted as it is", () => {
    for (const before of [[], listening, [...listening, "close"]])
      for (const type of ["loop.blocked", "health.server.failed", "health.request.failed"]) {
        const { type: _, ...own } = events[type]!;
        expect(emitted([...before, events[type] as Cue])).toEqual([
          ...(before.length > 0 ? [open] : []),
          `emit ${type} ${Object.values(own).join(" ")}`,
        ]);
      }
  });
});

describe("what a port notes", () => {
  it("nothing at first", () => {
    expect(at([]).context).toEqual({
      ...inputOf(),
      address: undefined,
      closing: false,
      failure: undefined,
      verdicts: expect.any(Array),
    });
  });

  it("where it listens, and where it listens again", () => {
    expect(at(listening).context.address).toEqual(address);
    const elsewhere = { host: "127.0.0.1", port: 9999 };
    expect(at([...moving, cue("port.listening", { address: elsewhere })]).context.address).toEqual(elsewhere);
  });

  it("the first reason why it could not be opened, as it was thrown", () => {
    const first = ["open", cue("port.refused", { error: "first" }), cue("thread.exited")] as const;
    expect(at(first).context.failure).toEqual({ error: "first" });
    expect(at(["open", cue("destroy", { error: undefined })]).context.failure).toEqual({ error: undefined });
    const both = at([...moved, "close", cue("destroy", { error: "first" }), cue("destroy", { error: "second" })]);
    expect(both.context.failure).toEqual({ error: "first" });
    expect(at([cue("destroy")]).context.failure).toEqual({ error });
    expect(at(["prepare", cue("destroy")], onlyMain).context.failure).toEqual({ error });
    expect(at(["open", cue("port.refused")], onlyMain).context.failure).toEqual({ error });
    expect(at([...moving, cue("port.refused")]).context.failure).toBeUndefined();
  });

  it("the latest verdict of each check, also when the checks are over; Redis counts as reachable at first, the others do not", () => {
    const redis = { check: "redis", kind: "redis", passing: true, failures: 0, reason: "" };
    const unanswered = { check: "database", kind: "readiness", passing: false, failures: 0, reason: "" };
    expect(at([]).context.verdicts).toEqual([redis, unanswered]);
    const judged = [...listening, cue("check.judged"), cue("check.judged", { verdict: missed(3, "redis", "redis") })];
    const verdicts = [missed(3, "redis", "redis"), missed(1)];
    for (const after of [[], ["service.stopping"], ["close"]])
      expect(at([...judged, ...after]).context.verdicts).toEqual(verdicts);
  });

  it.each([
    ["database", "liveness"],
    ["cache", "readiness"],
  ] as const)("the verdict of the check '%s' for %s changes that of no other check", (check, kind) => {
    const judged = at([...listening, cue("check.judged", { verdict: missed(3, check, kind) })]);
    expect(judged.context.verdicts).toEqual(at([]).context.verdicts);
  });
});

describe("an actor that was not provided", () => {
  const actors = healthPortMachine.implementations.actors as unknown as Record<string, { config: () => unknown }>;

  it("loadApp rejects with its own name", async () => {
    await expect(actors.loadApp!.config()).rejects.toThrow("'loadApp'");
  });

  it.each(callbacks)("%s throws its own name", (name) => {
    expect(() => actors[name]!.config()).toThrow(`'${name}'`);
  });

  it("fails the chart when it is needed", () => {
    const actor = createActor(healthPortMachine, { input: inputOf() });
    const errors: unknown[] = [];
    actor.subscribe({ error: (thrown) => errors.push(thrown) });
    actor.start();
    actor.send({ type: "prepare" });
    expect(String(errors[0])).toContain("'probeThread' was not provided");
  });
});

it("the chart of the port has no delays: its waits end by the signals of open and close", () => {
  expect(Object.keys(healthPortMachine.implementations.delays)).toEqual([]);
  expect(transition(machine, at(["prepare"]), { type: "open" })[0].status).toBe("active");
});
