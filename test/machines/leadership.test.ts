/** The chart of leadership: where each event leads, what it does there, what it notes, and the time that it gives. */
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot, AnyStateNode } from "xstate";
import { createActor, fromCallback, fromPromise, transition } from "xstate";
import { getStateNodes } from "xstate/graph";
import type { LeadershipContext, LeadershipInput, LeadershipSnapshot, LeadershipTimes, StateMeta } from "../../machines/index.ts";
import { defaultLeadershipTimes, leadershipMachine, statePath } from "../../machines/index.ts";
import type { Model, ModelEvent } from "../kit/model.ts";
import { declaredTransitions, eventName, graphOf, sequencesOf, walk } from "../kit/model.ts";
import type { Cue } from "../kit/story.ts";
import { story, trouble } from "../kit/story.ts";

const never = fromPromise<never, never>(() => new Promise<never>(() => {}));
const actors = ["takeLead", "renewLead", "releaseLead"];
const machine = leadershipMachine.provide({
  actors: { ...Object.fromEntries(actors.map((actor) => [actor, never])), leadTask: fromCallback(() => {}) } as never,
});
const service = createActor(
  fromCallback(() => {}),
  { id: "service" },
);
const inputAt = (now: () => number, times: Partial<LeadershipTimes> = {}): LeadershipInput => ({
  parent: service as never,
  name: "test",
  times: { ...defaultLeadershipTimes, ...times },
  now,
  epochNow: () => 1_000_000 + now(),
  random: () => 0.5,
});
const error = new Error("table");
const outputs: Record<string, readonly unknown[]> = {
  takeLead: [{ type: "taken", fence: 7 }, { type: "held" }],
  renewLead: [{ type: "kept" }, { type: "gone" }],
  releaseLead: [{ type: "kept" }, { type: "gone" }],
};
const done = (actor: string): ModelEvent[] =>
  (outputs[actor] ?? [undefined]).map((output) => ({ type: `xstate.done.actor.${actor}`, output }));
const model: Model<LeadershipSnapshot> = {
  machine,
  input: inputAt(() => 0),
  key: ({ value, context }) => [value, context.fence, context.failure !== undefined],
  place: ({ value, context }) => JSON.stringify([value, context.fence, context.failure !== undefined]),
  payloads: {
    ...Object.fromEntries(actors.map((actor) => [`xstate.done.actor.${actor}`, () => done(actor)])),
    "task.failed": () => [{ type: "task.failed", error }],
  },
};
const world = graphOf(model);

/** from every substate of settling alike */
const settling = {
  "task.ended": "resigning.releasing",
  "task.failed": "resigning.releasing",
  "after yieldTimeout": "resigning.releasing",
};
/** where an event leads in time; `=` stays, nothing is refused. `cut` leads from every state but the last to `ended`. */
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
    resign: "resigning.settling.renewing",
    "task.ended": "resigning.releasing",
    "task.failed": "resigning.releasing",
    "after renewInterval": "leader.renewing",
    "after renewDeadline": "yielding",
  },
  "leader.renewing": {
    resign: "resigning.settling.renewing",
    "task.ended": "resigning.releasing",
    "task.failed": "resigning.releasing",
    "renewLead done kept": "leader.holding",
    "renewLead done gone": "yielding",
    "renewLead error": "leader.retrying",
    "after askTimeout": "leader.retrying",
    "after renewDeadline": "yielding",
  },
  "leader.retrying": {
    resign: "resigning.settling.renewing",
    "task.ended": "resigning.releasing",
    "task.failed": "resigning.releasing",
    "after renewRetry": "leader.renewing",
    "after renewDeadline": "yielding",
  },
  yielding: {
    resign: "resigning.settling.lost",
    "task.ended": "follower",
    "task.failed": "resigning.releasing",
    "after yieldTimeout": "resigning.releasing",
  },
  "resigning.settling.holding": {
    ...settling,
    "after renewInterval": "resigning.settling.renewing",
    "after renewDeadline": "resigning.settling.lost",
  },
  "resigning.settling.renewing": {
    ...settling,
    "renewLead done kept": "resigning.settling.holding",
    "renewLead done gone": "resigning.settling.lost",
    "renewLead error": "resigning.settling.retrying",
    "after askTimeout": "resigning.settling.retrying",
    "after renewDeadline": "resigning.settling.lost",
  },
  "resigning.settling.retrying": {
    ...settling,
    "after renewRetry": "resigning.settling.renewing",
    "after renewDeadline": "resigning.settling.lost",
  },
  "resigning.settling.lost": settling,
  "resigning.releasing": {
    "releaseLead done kept": "ended",
    "releaseLead done gone": "ended",
    "releaseLead error": "ended",
    "after askTimeout": "ended",
  },
  ended: {},
};

const deadlines = [...new Set(world.edges.map(({ event }) => event.type).filter((type) => type.startsWith("xstate.after.")))];
const allEvents: ModelEvent[] = [
  { type: "resign" },
  { type: "cut" },
  { type: "task.ended" },
  { type: "task.failed", error },
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
    const cut = { cut: "ended" };
    expect(seen).toEqual(
      Object.fromEntries(Object.entries(table).map(([at, row]) => [at, at === "ended" ? row : { ...cut, ...row }])),
    );
  });

  it("takes every transition that it declares, on some path; those of late answers have a test of their own", () => {
    const taken = new Set<string>();
    for (const { events } of sequencesOf(model)) for (const name of walk(machine, model.input, events)) taken.add(name);
    expect([...declaredTransitions(machine)].filter((name) => !taken.has(name))).toEqual([
      "leadership.candidate xstate.done.actor.takeLead 0",
      "leadership.leader.renewing xstate.done.actor.renewLead 0",
      "leadership.resigning.settling.renewing xstate.done.actor.renewLead 0",
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
      ["resigning.settling.renewing", done("renewLead")[0]!, "resigning.settling.lost"],
    ] as const) {
      const snapshot = world.states.find((state) => statePath(state) === path)!;
      const late = { ...snapshot, context: { ...snapshot.context, now: () => 2500 } } as LeadershipSnapshot;
      expect(statePath(next(late, answer))).toBe(leadsTo);
    }
  });
});

/** An election in which each step takes 100 ms, and `random` gives 0.5. */
const electionOf = (cues: readonly Cue[], turn = (step: number): number => step * 100) => {
  let time = 0;
  const { steps, snapshot } = story(
    leadershipMachine,
    inputAt(() => time),
    cues,
    (step) => {
      time = turn(step);
    },
  );
  return { steps, snapshot: snapshot as unknown as LeadershipSnapshot };
};
const contextOf = (cues: readonly Cue[]) => electionOf(cues).snapshot.context;
const lastOf = (cues: readonly Cue[]) => electionOf(cues).steps.at(-1);

const taken = (fence: number): Cue => ({ type: "xstate.done.actor.takeLead", output: { type: "taken", fence } });
const taskFailed = { type: "task.failed", error: trouble };
const leading = [taken(7)];
const renewing = [...leading, "after renewInterval"];
const yielding = [...renewing, "renewLead done gone"];

describe("an election, step by step", () => {
  it("goes from candidate to follower and leader, through trouble to yielding, and to leader again until the task ends", () => {
    const cues = [
      "takeLead done held",
      "after pollInterval",
      ...renewing,
      "renewLead error",
      "after renewRetry",
      "renewLead done kept",
      "after renewInterval",
      "after askTimeout",
      "after renewDeadline",
      "task.ended",
      "after pollInterval",
      taken(9),
      "task.ended",
      "releaseLead done kept",
    ];
    expect(electionOf(cues).steps).toEqual([
      "candidate | askTimeout in 800 | start takeLead",
      "takeLead done held -> follower | stop takeLead | pollInterval in 1000",
      "after pollInterval -> candidate | askTimeout in 800 | start takeLead",
      'xstate.done.actor.takeLead {"type":"taken","fence":7} -> leader.holding | stop takeLead | ' +
        'service <- leadership.gained test 7 | start leadTask {"fence":7} | renewInterval in 1000 | renewDeadline in 2400',
      'after renewInterval -> leader.renewing | askTimeout in 800 | renewDeadline in 2300 | start renewLead {"fence":7}',
      "renewLead error -> leader.retrying | stop renewLead | renewRetry in 200 | renewDeadline in 2200",
      'after renewRetry -> leader.renewing | askTimeout in 800 | renewDeadline in 2100 | start renewLead {"fence":7}',
      "renewLead done kept -> leader.holding | stop renewLead | renewInterval in 1000 | renewDeadline in 2400",
      'after renewInterval -> leader.renewing | askTimeout in 800 | renewDeadline in 2300 | start renewLead {"fence":7}',
      "after askTimeout -> leader.retrying | stop renewLead | renewRetry in 200 | renewDeadline in 2200",
      "after renewDeadline -> yielding | leadTask <- abort | " +
        "service <- leadership.lost test 7 the lock could not be renewed before its deadline | yieldTimeout in 6000",
      "task.ended -> follower | stop leadTask | pollInterval in 1000",
      "after pollInterval -> candidate | askTimeout in 800 | start takeLead",
      'xstate.done.actor.takeLead {"type":"taken","fence":9} -> leader.holding | stop takeLead | ' +
        'service <- leadership.gained test 9 | start leadTask {"fence":9} | renewInterval in 1000 | renewDeadline in 2400',
      'task.ended -> resigning.releasing | leadTask <- abort | stop leadTask | askTimeout in 800 | start releaseLead {"fence":9}',
      "releaseLead done kept -> ended | stop releaseLead | service <- leadership.released test 9",
    ]);
  });

  it("leadership.lost gives the reason: gone, not renewed in time, answered too late", () => {
    const why = (cues: readonly Cue[]) => /leadership.lost test 7 ([^|]+) \|/.exec(lastOf(cues)!)?.[1];
    expect(why(yielding)).toBe("the lock was no longer ours");
    expect(why([...leading, "after renewDeadline"])).toBe("the lock could not be renewed before its deadline");
    expect(why([...renewing, "after renewDeadline"])).toBe("the lock could not be renewed before its deadline");
  });

  it("the renewal deadline is measured from the moment a request is sent, to the millisecond", () => {
    const at = (ms: number, cues: readonly Cue[], answer: Cue) =>
      electionOf([...cues, answer], (step) => (step === cues.length + 1 ? ms : 0)).steps.at(-1);
    expect(at(2499, [], taken(7))).toContain("-> leader.holding");
    expect(at(2500, [], taken(7))).toContain("-> follower | stop takeLead | pollInterval");
    expect(at(2499, renewing, "renewLead done kept")).toContain("-> leader.holding");
    expect(at(2500, renewing, "renewLead done kept")).toContain("leadership.lost test 7 Redis did not answer in time |");
  });

  it("a leader that resigns renews the lock until its task has ended, then releases it", () => {
    const cues = [
      "resign",
      "renewLead done kept",
      "after renewInterval",
      "after askTimeout",
      "after renewRetry",
      "task.ended",
      "releaseLead done kept",
    ];
    expect(electionOf([...leading, ...cues]).steps.slice(2)).toEqual([
      "resign -> resigning.settling.renewing | leadTask <- abort | yieldTimeout in 6000 | askTimeout in 800 | " +
        'renewDeadline in 2300 | start renewLead {"fence":7}',
      "renewLead done kept -> resigning.settling.holding | stop renewLead | renewInterval in 1000 | renewDeadline in 2400",
      "after renewInterval -> resigning.settling.renewing | askTimeout in 800 | renewDeadline in 2300 | " +
        'start renewLead {"fence":7}',
      "after askTimeout -> resigning.settling.retrying | stop renewLead | renewRetry in 200 | renewDeadline in 2200",
      "after renewRetry -> resigning.settling.renewing | askTimeout in 800 | renewDeadline in 2100 | " +
        'start renewLead {"fence":7}',
      "task.ended -> resigning.releasing | stop renewLead | stop leadTask | askTimeout in 800 | " +
        'start releaseLead {"fence":7}',
      "releaseLead done kept -> ended | stop releaseLead | service <- leadership.released test 7",
    ]);
  });

  it("a lock that is lost before the task has ended is reported as lost, once, and released under the last term's token", () => {
    expect(
      electionOf([...leading, "resign", "renewLead done gone", "task.ended", "releaseLead done gone"]).steps.slice(3),
    ).toEqual([
      "renewLead done gone -> resigning.settling.lost | stop renewLead | " +
        "service <- leadership.lost test 7 the lock was no longer ours",
      'task.ended -> resigning.releasing | stop leadTask | askTimeout in 800 | start releaseLead {"fence":7}',
      "releaseLead done gone -> ended | stop releaseLead",
    ]);
    expect(lastOf([...leading, "resign", "after renewDeadline"])).toContain(
      "leadership.lost test 7 the lock could not be renewed before its deadline",
    );
  });

  it("a lock that is not there to be deleted is reported as lost, not as released", () => {
    expect(lastOf([...leading, "resign", "task.ended", "releaseLead done gone"])).toBe(
      "releaseLead done gone -> ended | stop releaseLead | service <- leadership.lost test 7 the lock was no longer ours",
    );
    expect(contextOf([...leading, "resign", "task.ended", "releaseLead done gone"])).toMatchObject({ fence: 0, lastFence: 7 });
  });

  it("a leadership that is cut off ends at once: its task is aborted, and a lock that it leaves is reported as abandoned", () => {
    const abandoned = "service <- leadership.abandoned test 7 the drain's deadline passed before the leadership had ended";
    expect(lastOf([...leading, "cut"])).toBe(`cut -> ended | leadTask <- abort | ${abandoned} | stop leadTask`);
    expect(lastOf([...leading, "resign", "cut"])).toBe(`cut -> ended | stop renewLead | ${abandoned} | stop leadTask`);
    expect(lastOf([...leading, "task.ended", "cut"])).toBe(`cut -> ended | stop releaseLead | ${abandoned}`);
    for (const way of [[], ["takeLead done held"], yielding, [...yielding, "resign"]])
      expect(lastOf([...way, "cut"])).not.toContain("leadership.");
    expect(electionOf([...leading, "cut"]).snapshot.output?.failure?.error).toMatchObject({ name: "AbortError" });
    expect(contextOf([...leading, "cut"])).toMatchObject({ fence: 0, lastFence: 7 });
    expect(electionOf(["cut"]).snapshot.output?.failure?.error).toMatchObject({ name: "AbortError" });
  });

  it("a lock that Redis does not delete is reported as abandoned, with the reason", () => {
    const releasing = [...leading, "resign", "task.ended"];
    expect(lastOf([...releasing, "releaseLead error"])).toBe(
      "releaseLead error -> ended | stop releaseLead | service <- leadership.abandoned test 7 trouble",
    );
    expect(lastOf([...releasing, "after askTimeout"])).toBe(
      "after askTimeout -> ended | stop releaseLead | service <- leadership.abandoned test 7 Redis did not answer in time",
    );
  });

  it("the end of an instance that does not lead is no fact", () => {
    expect(lastOf(["resign"])).toBe(
      'resign -> resigning.releasing | stop takeLead | askTimeout in 800 | start releaseLead {"fence":0}',
    );
    for (const cue of ["releaseLead done kept", "releaseLead error", "after askTimeout"])
      for (const way of [["resign"], [...yielding, "resign", "task.ended"]])
        expect(lastOf([...way, cue])).toBe(`${cue} -> ended | stop releaseLead`);
  });

  it("a task that does not end in time is stopped", () => {
    expect(lastOf([...yielding, "after yieldTimeout"])).toContain("-> resigning.releasing | stop leadTask |");
    expect(lastOf([...leading, "resign", "after yieldTimeout"])).toContain(
      "-> resigning.releasing | stop renewLead | stop leadTask |",
    );
  });
});

describe("the context of an election", () => {
  it("holds the input, and no term at first", () => {
    const { now: _, epochNow: __, random: ___, parent: ____, ...noted } = contextOf([]);
    expect(noted).toEqual({
      name: "test",
      times: defaultLeadershipTimes,
      fence: 0,
      lastFence: 0,
      since: 1_000_000,
      askedAt: 0,
      confirmedAt: 0,
      trouble: "",
      failure: undefined,
    });
  });

  it("holds the token, when the request was sent that Redis confirmed, and the last trouble", () => {
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
    expect(electionOf(leading, (step) => step * 2500).snapshot.context.trouble).toBe("Redis did not answer in time");
  });

  it("holds since when this instance leads, or does not", () => {
    const at = (cues: readonly Cue[]) => {
      const { fence, since } = contextOf(cues);
      return [fence, since];
    };
    expect(at(["takeLead done held", "after pollInterval", "takeLead done held"])).toEqual([0, 1_000_000]);
    expect(at(renewing)).toEqual([7, 1_000_100]);
    expect(at(yielding)).toEqual([0, 1_000_300]);
    expect(at([...yielding, "task.ended", "after pollInterval"])).toEqual([0, 1_000_300]);
    expect(at([...leading, "resign", "task.ended"])).toEqual([7, 1_000_100]);
    for (const cue of ["releaseLead done kept", "releaseLead error", "after askTimeout"])
      expect(at([...leading, "resign", "task.ended", cue])).toEqual([0, 1_000_400]);
  });

  it("holds the first failure of the task, as it was thrown, and gives it as the output", () => {
    const failureOf = (cues: readonly Cue[]) => electionOf(cues).snapshot.output?.failure?.error;
    expect(failureOf([...leading, { type: "task.failed", error: "first" }, "releaseLead done kept"])).toBe("first");
    expect(failureOf([...leading, "task.ended", "releaseLead done kept"])).toBeUndefined();
    expect(failureOf([...yielding, taskFailed, "releaseLead done kept"])).toBe(trouble);
    expect(failureOf([...leading, "resign", taskFailed, "releaseLead done kept"])).toBe(trouble);
    const overran = expect.objectContaining({ message: expect.stringContaining("within yieldTimeoutMs") });
    expect(failureOf([...yielding, "after yieldTimeout", "releaseLead done kept"])).toEqual(overran);
    expect(failureOf([...leading, "resign", "after yieldTimeout", "releaseLead done kept"])).toEqual(overran);
    const { snapshot } = electionOf([...leading, "resign"]);
    const failed = { ...snapshot, context: { ...snapshot.context, failure: { error: "first" } } } as LeadershipSnapshot;
    expect(next(failed, { type: "task.failed", error }).context.failure).toEqual({ error: "first" });
  });
});

describe("the delays of an election", () => {
  type Delay = (args: { context: LeadershipContext }) => number;
  const delays = leadershipMachine.implementations.delays as unknown as Record<string, Delay>;
  const delay = (name: string, context: Partial<LeadershipContext> = {}) =>
    delays[name]!({ context: { ...contextOf([]), ...context } });

  it.each([
    ["pollInterval", 1000],
    ["renewInterval", 1000],
    ["renewRetry", 200],
  ])("%s is spread by a tenth to both sides", (name, middle) => {
    expect(delay(name, { random: () => 0 })).toBeCloseTo(middle * 0.9);
    expect(delay(name, { random: () => 1 })).toBeCloseTo(middle * 1.1);
  });

  it("the renewal deadline is before the lock can expire, and never negative", () => {
    expect(defaultLeadershipTimes.renewDeadlineMs).toBeLessThan(defaultLeadershipTimes.lockTtlMs);
    expect(delay("renewDeadline", { confirmedAt: 1000, now: () => 1200 })).toBe(2300);
    expect(delay("renewDeadline", { confirmedAt: 1000, now: () => 4000 })).toBe(0);
  });
});

describe("the descriptions of the states", () => {
  const nodes = (getStateNodes(leadershipMachine.root as never) as unknown as AnyStateNode[]).filter(({ parent }) => parent);

  it.each(nodes.map((node) => [node.path.join("."), node] as const))(
    "%s has a description, the name of its deadline, and what it waits for",
    (_, { description, meta, after, states, type }) => {
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect((meta as StateMeta | undefined)?.deadline).toBe(after[0]?.delay);
      if (Object.keys(states).length === 0 && type !== "final")
        expect((meta as StateMeta | undefined)?.waitsFor).toEqual(expect.stringMatching(/\w+ \w+/));
    },
  );
});

it("leader is good, yielding is caution, and every other state is neutral", () => {
  const toned = (getStateNodes(leadershipMachine.root as never) as unknown as AnyStateNode[]).flatMap(({ path, meta }) => {
    const { tone } = (meta ?? {}) as StateMeta;
    return tone === undefined ? [] : [[path.join("."), tone]];
  });
  expect(toned).toEqual([
    ["leader", "good"],
    ["yielding", "caution"],
  ]);
});

it("the chart has a description of itself", () => {
  expect(leadershipMachine.root.description).toMatch(/^At most one .*\.$/);
});

describe("an actor that was not provided", () => {
  it.each(actors)("%s rejects with its own name", async (name) => {
    const { actors } = leadershipMachine.implementations as unknown as {
      actors: Record<string, { config: () => Promise<void> }>;
    };
    await expect(actors[name]!.config()).rejects.toThrow(`'${name}'`);
  });

  it("leadTask throws its own name", () => {
    const { leadTask } = leadershipMachine.implementations.actors as unknown as { leadTask: { config(): void } };
    expect(() => leadTask.config()).toThrow("'leadTask'");
  });
});
