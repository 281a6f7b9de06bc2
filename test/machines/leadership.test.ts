/** The chart of leadership: where each event leads, what it does there, what it notes, and the time that it gives. */
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot } from "xstate";
import { fromPromise, transition } from "xstate";
import type { LeadershipContext, LeadershipSnapshot } from "../../machines/index.ts";
import { defaultLeadershipTimes, leadershipMachine, statePath } from "../../machines/index.ts";
import type { Model, ModelEvent } from "../kit/model.ts";
import { declaredTransitions, eventName, graphOf, pathsOf, walk } from "../kit/model.ts";
import type { Cue } from "../kit/story.ts";
import { story, trouble } from "../kit/story.ts";

const never = fromPromise<never, never>(() => new Promise<never>(() => {}));
const actors = ["takeLead", "renewLead", "releaseLead", "leadTask", "settleTask"];
const machine = leadershipMachine.provide({ actors: Object.fromEntries(actors.map((actor) => [actor, never])) as never });
const inputAt = (now: () => number) => ({ now, random: () => 0.5 });
const error = new Error("table");
const outputs: Record<string, readonly unknown[]> = {
  takeLead: [{ type: "taken", fence: 7 }, { type: "held" }],
  renewLead: [{ type: "kept" }, { type: "gone" }],
};
const done = (actor: string): ModelEvent[] =>
  (outputs[actor] ?? [undefined]).map((output) => ({ type: `xstate.done.actor.${actor}`, output }));
const model: Model<LeadershipSnapshot> = {
  machine,
  input: inputAt(() => 0),
  key: ({ value, context }) => [value, context.fence, context.failure !== undefined],
  payloads: Object.fromEntries(actors.map((actor) => [`xstate.done.actor.${actor}`, () => done(actor)])),
};
const world = graphOf(model);

/** where an event leads in time; `=` stays, nothing is refused */
const table: Record<string, Record<string, string>> = {
  candidate: {
    resign: "resigning.releasing",
    "takeLead done taken": "leader.holding",
    "takeLead done held": "follower",
    "takeLead error": "follower",
    "after askTimeout": "follower",
  },
  follower: { resign: "resigning.releasing", "after pollInterval": "candidate" },
  "leader.holding": {
    resign: "resigning.settling",
    "leadTask done": "resigning.releasing",
    "leadTask error": "resigning.releasing",
    "after renewInterval": "leader.renewing",
    "after leadEnd": "yielding",
  },
  "leader.renewing": {
    resign: "resigning.settling",
    "leadTask done": "resigning.releasing",
    "leadTask error": "resigning.releasing",
    "renewLead done kept": "leader.holding",
    "renewLead done gone": "yielding",
    "renewLead error": "leader.retrying",
    "after askTimeout": "leader.retrying",
    "after leadEnd": "yielding",
  },
  "leader.retrying": {
    resign: "resigning.settling",
    "leadTask done": "resigning.releasing",
    "leadTask error": "resigning.releasing",
    "after renewRetry": "leader.renewing",
    "after leadEnd": "yielding",
  },
  yielding: {
    resign: "resigning.settling",
    "settleTask done": "follower",
    "settleTask error": "resigning.releasing",
    "after yieldTimeout": "resigning.releasing",
  },
  "resigning.settling": {
    "settleTask done": "resigning.releasing",
    "settleTask error": "resigning.releasing",
    "after yieldTimeout": "resigning.releasing",
  },
  "resigning.releasing": { "releaseLead done": "ended", "releaseLead error": "ended", "after askTimeout": "ended" },
  ended: {},
};

const deadlines = [...new Set(world.edges.map(({ event }) => event.type).filter((type) => type.startsWith("xstate.after.")))];
const allEvents: ModelEvent[] = [
  { type: "resign" },
  ...actors.flatMap((actor) => [...done(actor), { type: `xstate.error.actor.${actor}`, error }]),
  ...deadlines.map((type) => ({ type })),
];
const next = (snapshot: LeadershipSnapshot, event: ModelEvent): LeadershipSnapshot =>
  (transition(machine as never, snapshot as never, event as never) as unknown as [LeadershipSnapshot])[0];
const rowOf = (snapshot: LeadershipSnapshot): Record<string, string> =>
  Object.fromEntries(
    allEvents
      .filter((event) => snapshot.status === "active" && (snapshot as AnyMachineSnapshot).can(event as never))
      .map((event) => [eventName(event), statePath(next(snapshot, event))]),
  );

describe("the chart of leadership", () => {
  it("every state takes exactly these events, and they lead exactly there", () => {
    const seen = Object.fromEntries([...world.states].reverse().map((snapshot) => [statePath(snapshot), rowOf(snapshot)]));
    expect(seen).toEqual(table);
  });

  it("takes every transition that it declares, on some path; those of late answers have a test of their own", () => {
    const taken = new Set<string>();
    for (const { steps } of pathsOf(model)) {
      const events = steps.map(({ event }) => event).filter(({ type }) => type !== "xstate.init");
      for (const name of walk(machine, model.input, events)) taken.add(name);
    }
    expect([...declaredTransitions(machine)].filter((name) => !taken.has(name))).toEqual([
      "leadership.candidate xstate.done.actor.takeLead 0",
      "leadership.leader.renewing xstate.done.actor.renewLead 0",
    ]);
  });

  it("ends from everywhere once it is asked to, by its timers alone", () => {
    const takes = ({ event: { type } }: { event: ModelEvent }) => type.startsWith("xstate.after.") || type === "resign";
    for (const snapshot of world.states)
      expect(
        world.reach(snapshot, { takes }).some(({ status }) => status === "done"),
        statePath(snapshot),
      ).toBe(true);
  });

  it("no task begins while an older one may still run", () => {
    for (const { from, to, event } of world.edges)
      if (statePath(to).startsWith("leader") && !statePath(from).startsWith("leader"))
        expect([statePath(from), event.type]).toEqual(["candidate", "xstate.done.actor.takeLead"]);
  });

  it("an answer that took longer than the lock lives does not make a leader, nor keep one", () => {
    for (const [path, answer, leadsTo] of [
      ["candidate", done("takeLead")[0]!, "follower"],
      ["leader.renewing", done("renewLead")[0]!, "yielding"],
    ] as const) {
      const snapshot = world.states.find((state) => statePath(state) === path)!;
      const late = { ...snapshot, context: { ...snapshot.context, now: () => 2500 } } as LeadershipSnapshot;
      expect(statePath(next(late, answer))).toBe(leadsTo);
    }
  });
});

/** An election in which each step takes 100 ms, and chance says the middle. */
const electionOf = (cues: readonly Cue[], times = {}) => {
  let time = 0;
  const input = { times, now: () => time, random: () => 0.5 };
  const { steps, snapshot } = story(leadershipMachine, input, cues, (step) => {
    time = step * 100;
  });
  return { steps, snapshot: snapshot as unknown as LeadershipSnapshot };
};
const contextOf = (cues: readonly Cue[]) => electionOf(cues).snapshot.context;
const lastOf = (cues: readonly Cue[]) => electionOf(cues).steps.at(-1);

const taken = (fence: number): Cue => ({ type: "xstate.done.actor.takeLead", output: { type: "taken", fence } });
const leading = [taken(7)];
const renewing = [...leading, "after renewInterval"];
const yielding = [...renewing, "renewLead done gone"];

describe("an election, step by step", () => {
  it("a candidate, a leader in trouble, a follower, a leader again, and the end", () => {
    const cues = [
      "takeLead done held",
      "after pollInterval",
      ...renewing,
      "renewLead error",
      "after renewRetry",
      "renewLead done kept",
      "after renewInterval",
      "after askTimeout",
      "after leadEnd",
      "settleTask done",
      "after pollInterval",
      taken(9),
      "leadTask done",
      "releaseLead done",
    ];
    expect(electionOf(cues).steps).toEqual([
      "candidate | askTimeout in 800 | start takeLead",
      "takeLead done held -> follower | stop takeLead | pollInterval in 1000",
      "after pollInterval -> candidate | askTimeout in 800 | start takeLead",
      'xstate.done.actor.takeLead {"type":"taken","fence":7} -> leader.holding | stop takeLead | emit lead.taken 7 | ' +
        'start leadTask {"fence":7} | renewInterval in 1000 | leadEnd in 2400',
      'after renewInterval -> leader.renewing | askTimeout in 800 | leadEnd in 2300 | start renewLead {"fence":7}',
      "renewLead error -> leader.retrying | stop renewLead | renewRetry in 200 | leadEnd in 2200",
      'after renewRetry -> leader.renewing | askTimeout in 800 | leadEnd in 2100 | start renewLead {"fence":7}',
      "renewLead done kept -> leader.holding | stop renewLead | renewInterval in 1000 | leadEnd in 2400",
      'after renewInterval -> leader.renewing | askTimeout in 800 | leadEnd in 2300 | start renewLead {"fence":7}',
      "after askTimeout -> leader.retrying | stop renewLead | renewRetry in 200 | leadEnd in 2200",
      "after leadEnd -> yielding | stop leadTask | emit lead.lost 7 the lock could not be renewed before its end | " +
        "yieldTimeout in 6000 | start settleTask",
      "settleTask done -> follower | stop settleTask | pollInterval in 1000",
      "after pollInterval -> candidate | askTimeout in 800 | start takeLead",
      'xstate.done.actor.takeLead {"type":"taken","fence":9} -> leader.holding | stop takeLead | emit lead.taken 9 | ' +
        'start leadTask {"fence":9} | renewInterval in 1000 | leadEnd in 2400',
      "leadTask done -> resigning.releasing | stop leadTask | askTimeout in 800 | start releaseLead",
      "releaseLead done -> ended | stop releaseLead | emit lead.resigned 9",
    ]);
  });

  it("a lead that is lost says why: gone, not renewed in time, answered too late", () => {
    const why = (cues: readonly Cue[]) => /emit lead.lost 7 ([^|]+) \|/.exec(lastOf(cues)!)?.[1];
    expect(why(yielding)).toBe("the lock was no longer ours");
    expect(why([...leading, "after leadEnd"])).toBe("the lock could not be renewed before its end");
    expect(why([...renewing, "after leadEnd"])).toBe("the lock could not be renewed before its end");
  });

  it("an answer counts from when it was asked for: to the millisecond", () => {
    const at = (ms: number, cues: readonly Cue[], answer: Cue) => {
      let time = 0;
      const clock = { times: {}, now: () => time, random: () => 0.5 };
      const turn = (step: number) => {
        if (step === cues.length + 1) time = ms;
      };
      return story(leadershipMachine, clock, [...cues, answer], turn).steps.at(-1);
    };
    expect(at(2499, [], taken(7))).toContain("-> leader.holding");
    expect(at(2500, [], taken(7))).toContain("-> follower | stop takeLead | pollInterval");
    expect(at(2499, renewing, "renewLead done kept")).toContain("-> leader.holding");
    expect(at(2500, renewing, "renewLead done kept")).toContain("emit lead.lost 7 Redis did not answer in time |");
  });

  it("resigning lets the task settle before the lock is given back, and tells no lead where there was none", () => {
    const cues = [...leading, "resign", "settleTask done", "releaseLead done"];
    expect(electionOf(cues).steps.slice(2)).toEqual([
      "resign -> resigning.settling | stop leadTask | yieldTimeout in 6000 | start settleTask",
      "settleTask done -> resigning.releasing | stop settleTask | askTimeout in 800 | start releaseLead",
      "releaseLead done -> ended | stop releaseLead | emit lead.resigned 7",
    ]);
    expect(lastOf(["resign"])).toBe("resign -> resigning.releasing | stop takeLead | askTimeout in 800 | start releaseLead");
    expect(lastOf([...leading, "resign", "settleTask done", "releaseLead error"])).toBe(
      "releaseLead error -> ended | stop releaseLead",
    );
    expect(lastOf([...leading, "resign", "settleTask done", "after askTimeout"])).toBe(
      "after askTimeout -> ended | stop releaseLead",
    );
  });
});

describe("what an election notes", () => {
  it("nothing at first, and the default times where none are given", () => {
    const { now: _, random: __, ...noted } = contextOf([]);
    expect(noted).toEqual({
      times: defaultLeadershipTimes,
      fence: 0,
      askedAt: 0,
      confirmedAt: 0,
      trouble: "",
      failure: undefined,
    });
    expect(electionOf([], { pollMs: 5 }).snapshot.context.times).toEqual({ ...defaultLeadershipTimes, pollMs: 5 });
  });

  it("the token, when it asked and when Redis agreed, and the last trouble", () => {
    expect(contextOf(leading)).toMatchObject({ fence: 7, askedAt: 0, confirmedAt: 0, trouble: "" });
    const kept = [...renewing, "renewLead error", "after renewRetry", "renewLead done kept"];
    expect(contextOf(kept.slice(0, 3))).toMatchObject({ askedAt: 200, confirmedAt: 0, trouble: "trouble" });
    expect(contextOf(kept)).toMatchObject({ askedAt: 400, confirmedAt: 400, trouble: "" });
    expect(contextOf(["takeLead error"]).trouble).toBe("trouble");
    expect(contextOf([{ type: "xstate.error.actor.takeLead", error: "torn" }]).trouble).toBe("torn");
    expect(contextOf(["after askTimeout"]).trouble).toBe("Redis did not answer in time");
    expect(contextOf([...renewing, "after askTimeout"]).trouble).toBe("Redis did not answer in time");
    expect(contextOf(["resign", "after askTimeout"]).trouble).toBe("Redis did not answer in time");
    expect(contextOf(["resign", "releaseLead error"]).trouble).toBe("trouble");
  });

  it("the task's failure, as it was thrown, and the first one stays", () => {
    const failureOf = (cues: readonly Cue[]) => electionOf(cues).snapshot.output?.failure?.error;
    const first = { type: "xstate.error.actor.leadTask", error: "first" };
    expect(failureOf([...leading, first, "releaseLead done"])).toBe("first");
    expect(failureOf([...leading, "leadTask done", "releaseLead done"])).toBeUndefined();
    expect(failureOf([...yielding, "settleTask error", "releaseLead done"])).toBe(trouble);
    expect(failureOf([...leading, "resign", "settleTask error", "releaseLead done"])).toBe(trouble);
    const overran = expect.objectContaining({ message: expect.stringContaining("outlived yieldTimeoutMs") });
    expect(failureOf([...yielding, "after yieldTimeout", "releaseLead done"])).toEqual(overran);
    expect(failureOf([...leading, "resign", "after yieldTimeout", "releaseLead done"])).toEqual(overran);
    const { snapshot } = electionOf([...leading, "resign"]);
    const failed = { ...snapshot, context: { ...snapshot.context, failure: { error: "first" } } } as LeadershipSnapshot;
    expect(next(failed, { type: "xstate.error.actor.settleTask", error }).context.failure).toEqual({ error: "first" });
  });
});

describe("the time it gives", () => {
  type Delay = (args: { context: LeadershipContext }) => number;
  const delays = leadershipMachine.implementations.delays as unknown as Record<string, Delay>;
  const delay = (name: string, context: Partial<LeadershipContext> = {}) =>
    delays[name]!({ context: { ...contextOf([]), ...context } });

  it.each([
    ["pollInterval", 1000],
    ["renewRetry", 200],
  ])("%s is spread by a tenth to both sides", (name, middle) => {
    expect(delay(name, { random: () => 0 })).toBeCloseTo(middle * 0.9);
    expect(delay(name, { random: () => 1 })).toBeCloseTo(middle * 1.1);
  });

  it("a leader steps down a margin before the lock can have expired", () => {
    expect(delay("leadEnd", { confirmedAt: 1000, now: () => 1200 })).toBe(2300);
    expect(delay("leadEnd", { confirmedAt: 1000, now: () => 4000 })).toBe(0);
  });
});

describe("an actor that was not provided", () => {
  it.each(actors)("%s fails with its own name", async (name) => {
    const { actors } = leadershipMachine.implementations as unknown as {
      actors: Record<string, { config: () => Promise<void> }>;
    };
    await expect(actors[name]!.config()).rejects.toThrow(`'${name}'`);
  });
});
