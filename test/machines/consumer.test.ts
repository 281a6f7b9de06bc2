/** The chart of a consumer: where each event leads, what it notes, and the time that it gives. */
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot, AnyStateNode } from "xstate";
import { fromCallback, fromPromise, transition } from "xstate";
import { getStateNodes } from "xstate/graph";
import type { ClaimAnswer, ConsumerContext, ConsumerInput, ConsumerSnapshot, StateMeta } from "../../machines/index.ts";
import { consumerMachine, defaultConsumerTimes, statePath, statesOf, tagsAt } from "../../machines/index.ts";
import type { Model, ModelEvent } from "../kit/model.ts";
import { declaredTransitions, eventName, graphOf, sequencesOf, walk } from "../kit/model.ts";
import { story, trouble } from "../kit/story.ts";

const never = fromPromise<never, never>(() => new Promise<never>(() => {}));
const promises = ["joinGroup", "claimLanes", "awaitEntry", "finishWork", "handBack"];
const machine = consumerMachine.provide({
  actors: { ...Object.fromEntries(promises.map((name) => [name, never])), holdLanes: fromCallback(() => {}) } as never,
});
const input: ConsumerInput = { times: defaultConsumerTimes, random: () => 0.5 };
const error = new Error("table");
const answer = (own: Partial<ClaimAnswer> = {}): ClaimAnswer => ({
  routed: "5-1",
  dueMs: 700,
  hasMore: false,
  isFull: false,
  ...own,
});
const answers: readonly [name: string, ClaimAnswer][] = [
  ["full", answer({ isFull: true, hasMore: true })],
  ["more", answer({ hasMore: true })],
  ["all", answer()],
];
const claimDone = answers.map(([type, given]) => ({ type: "xstate.done.actor.claimLanes", output: { type, ...given } }));
const freed = [true, false].map((hasMore) => ({ type: "lane.freed", hasMore, output: { type: hasMore ? "more" : "none" } }));
const model: Model<ConsumerSnapshot> = {
  machine,
  input,
  key: ({ value }) => value,
  payloads: { "xstate.done.actor.claimLanes": () => claimDone, "lane.freed": () => freed },
};
const world = graphOf(model);

const joining = { "joinGroup done": "claiming", "joinGroup error": "troubled", "after askTimeout": "troubled" };
const table: Record<string, Record<string, string>> = {
  joining: { resign: "draining", ...joining },
  claiming: {
    resign: "draining",
    "claimLanes done full": "full",
    "claimLanes done more": "claiming",
    "claimLanes done all": "waiting",
    "claimLanes error": "troubled",
    "after askTimeout": "troubled",
  },
  waiting: {
    resign: "draining",
    "lane.freed more": "claiming",
    "awaitEntry done": "claiming",
    "awaitEntry error": "troubled",
    "after nextDue": "claiming",
  },
  full: { resign: "draining", "lane.freed more": "claiming", "lane.freed none": "claiming" },
  troubled: { resign: "draining", "after backoff": "joining" },
  draining: { "finishWork done": "left", "finishWork error": "handingBack", "after grace": "handingBack" },
  handingBack: { "handBack done": "left", "handBack error": "left", "after handBackTimeout": "left" },
  left: {},
};

const timers = [...new Set(world.edges.map(({ event }) => event.type).filter((type) => type.startsWith("xstate.after.")))];
const allEvents: ModelEvent[] = [
  { type: "resign" },
  { type: "cut" },
  ...freed,
  ...promises.flatMap((name) => [
    ...(name === "claimLanes" ? claimDone : [{ type: `xstate.done.actor.${name}` }]),
    { type: `xstate.error.actor.${name}`, error },
  ]),
  ...timers.map((type) => ({ type })),
];
const next = (snapshot: ConsumerSnapshot, event: ModelEvent): ConsumerSnapshot =>
  (transition(machine as never, snapshot as never, event as never) as unknown as [ConsumerSnapshot])[0];
/** `awaitEntry done`, as an event of a promise without an answer is called */
const nameIn = (event: ModelEvent) => eventName(event);
const rowOf = (snapshot: ConsumerSnapshot): Record<string, string> =>
  Object.fromEntries(
    allEvents
      .filter((event) => snapshot.status === "active" && (snapshot as AnyMachineSnapshot).can(event as never))
      .map((event) => [nameIn(event), statePath(next(snapshot, event))]),
  );
const playTo = (cues: Parameters<typeof story>[2]) => story(consumerMachine, input, cues);
const at = (cues: Parameters<typeof story>[2]) => playTo(cues).snapshot as unknown as ConsumerSnapshot;
const claims = (own: Partial<ClaimAnswer> = {}) => ({ type: "xstate.done.actor.claimLanes", output: answer(own) });

describe("the chart of a consumer", () => {
  it("every state takes exactly these events, and they lead exactly there; cut leads from each to left", () => {
    const seen = Object.fromEntries(world.states.map((snapshot) => [statePath(snapshot), rowOf(snapshot)]));
    const withCut = ([path, row]: [string, Record<string, string>]) => [path, path === "left" ? row : { cut: "left", ...row }];
    expect(seen).toEqual(Object.fromEntries(Object.entries(table).map(withCut)));
  });

  it("takes every transition that it declares, on some path", () => {
    const taken = new Set<string>();
    for (const { events } of sequencesOf(model)) for (const name of walk(machine, input, events)) taken.add(name);
    expect([...declaredTransitions(machine)].filter((name) => !taken.has(name))).toEqual([]);
  });

  it("claims nothing after the drain has begun, and ends from everywhere by its timers alone", () => {
    for (const snapshot of world.states) {
      const drained = snapshot.status === "active" ? next(snapshot, { type: "resign" }) : snapshot;
      const reached = world.reach(drained).map((state) => statePath(state));
      if (statePath(drained) !== "left" && statePath(drained) !== "handingBack")
        expect(reached.sort()).toEqual(["draining", "handingBack", "left"]);
      const takes = ({ event: { type } }: { event: ModelEvent }) => type.startsWith("xstate.after.") || type === "resign";
      expect(world.reach(snapshot, { takes }).some(({ status }) => status === "done")).toBe(true);
    }
  });

  it("goes from joining to a claim, waits from the last routed entry, and asks again when the next lane is due", () => {
    const { steps } = playTo([
      "joinGroup done",
      claims({ hasMore: true }),
      claims(),
      "after nextDue",
      "claimLanes error",
      "resign",
    ]);
    expect(steps).toEqual([
      "joining | start holdLanes | askTimeout in 5000 | start joinGroup",
      "joinGroup done -> claiming | stop joinGroup | askTimeout in 5000 | start claimLanes",
      expect.stringMatching(/-> claiming \| stop claimLanes \| askTimeout in 5000 \| start claimLanes$/),
      expect.stringMatching(/-> waiting \| stop claimLanes \| nextDue in 711 \| start awaitEntry \{"routed":"5-1"\}$/),
      "after nextDue -> claiming | stop awaitEntry | askTimeout in 5000 | start claimLanes",
      "claimLanes error -> troubled | stop claimLanes | backoff in 37.5",
      "resign -> draining | grace in 5000 | start finishWork",
    ]);
  });
});

describe("what a consumer knows", () => {
  it("a failure is counted and its reason kept until a claim is answered", () => {
    const failing = ["joinGroup error", "after backoff", "after askTimeout"] as const;
    expect(at(failing).context).toMatchObject({ failures: 2, trouble: "Redis did not answer in time" });
    expect(at(["joinGroup error"]).context).toMatchObject({ failures: 1, trouble: trouble.message });
    const well = at([...failing, "after backoff", "joinGroup done", claims({ dueMs: undefined })]).context;
    expect(well).toMatchObject({ failures: 0, trouble: "", routed: "5-1", dueMs: undefined });
  });

  it("it ends without a failure, and with an AbortError where it was cut off", () => {
    expect(at(["resign", "finishWork done"]).output).toEqual({ failure: undefined });
    const { output } = at(["resign", "cut"]) as { output?: { failure: { error: unknown } } };
    expect(output?.failure.error).toMatchObject({ name: "AbortError", message: expect.stringContaining("deadline") });
  });
});

describe("the delays of a consumer", () => {
  type Delay = (args: { context: ConsumerContext }) => number;
  const delays = consumerMachine.implementations.delays as unknown as Record<string, Delay>;
  const delay = (name: string, context: Partial<ConsumerContext> = {}) =>
    delays[name]!({ context: { ...at([]).context, ...context } });

  it("the pause after a failure doubles up to its cap, and is spread by half", () => {
    const pauses = [1, 2, 3, 99].map((failures) => delay("backoff", { failures, random: () => 1 }));
    expect(pauses).toEqual([50, 100, 200, 2000]);
    expect(delay("backoff", { failures: 1, random: () => 0 })).toBe(25);
  });

  it("a worker waits until the next lane is due, spread by 20 ms, and a minute at most", () => {
    expect(delay("nextDue", { dueMs: 0, random: () => 0 })).toBe(1);
    expect(delay("nextDue", { dueMs: 100, random: () => 1 })).toBe(121);
    expect(delay("nextDue", { dueMs: undefined })).toBe(60_000);
    expect(delay("nextDue", { dueMs: 90_000 })).toBe(60_000);
  });

  it("the deadlines are those of its times", () => {
    expect([delay("askTimeout"), delay("grace"), delay("handBackTimeout")]).toEqual([5000, 5000, 1000]);
  });
});

describe("the words of a consumer", () => {
  const nodes = (getStateNodes(consumerMachine.root as never) as unknown as AnyStateNode[]).filter(({ parent }) => parent);

  it.each(nodes.map((node) => [node.key, node] as const))(
    "%s has a description, the name of its deadline, and what it waits for",
    (_, { description, meta, after, type }) => {
      const { deadline, waitsFor } = (meta ?? {}) as StateMeta;
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect(deadline).toBe(after[0]?.delay);
      if (type !== "final") expect(waitsFor).toEqual(expect.stringMatching(/\w+ \w+/));
    },
  );

  it("nothing is noted at first: the whole stream is to be routed, no lane is due, and there is no trouble", () => {
    expect(at([]).context).toMatchObject({ routed: "0-0", dueMs: undefined, failures: 0, trouble: "", failure: undefined });
    expect(consumerMachine.id).toBe("consumer");
  });

  it("each actor is invoked under its own name", () => {
    const invoked = getStateNodes(consumerMachine.root as never) as unknown as AnyStateNode[];
    const names = invoked.flatMap(({ invoke }) => invoke.map(({ src, id }) => [src, id]));
    expect(names).toEqual(promises.map((name) => [name, name]));
  });

  it("it is well where it claims, waits or is full, and in trouble where Redis is", () => {
    const tones = Object.fromEntries(statesOf(consumerMachine).map(({ name, tone }) => [name, tone]));
    expect(tones).toMatchObject({ claiming: "good", waiting: "good", full: "good", troubled: "caution", joining: "neutral" });
    expect(
      statesOf(consumerMachine)
        .filter(({ isEnding }) => isEnding)
        .map(({ name }) => name),
    ).toEqual(["draining", "handingBack", "left"]);
    expect(tagsAt(consumerMachine, "left")).toEqual(["ending"]);
    expect(consumerMachine.root.description).toMatch(/^Takes lanes .*\.$/);
  });

  it("an actor that was not provided fails with its own name", async () => {
    const { actors } = consumerMachine.implementations as unknown as { actors: Record<string, { config: () => Promise<void> }> };
    for (const name of promises) await expect(actors[name]!.config()).rejects.toThrow(`'${name}'`);
    expect(() => actors.holdLanes!.config()).toThrow("'holdLanes'");
  });
});
