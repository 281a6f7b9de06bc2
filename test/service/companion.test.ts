/** A chart that a hook spawns beside itself: a child of the service's, from its start to its end. */
import { describe, expect, it } from "vitest";
import { fromPromise, sendParent, setup } from "xstate";
import type { Companion, CompanionOutput } from "../../machines/index.ts";
import type { HookContext } from "../../src/index.ts";
import { Gates, settles } from "../kit/gates.ts";
import type { TestHooks } from "../kit/tier.ts";
import { TestTier } from "../kit/tier.ts";

const options = { redis: null, useHealthServer: false } as const;
const make = (hooks: TestHooks, own: object = {}) => new TestTier({ ...options, ...own }, hooks);
const childrenOf = (tier: TestTier): string[] =>
  Object.keys(tier.actor.getSnapshot().children).filter((id) => id.startsWith("companion."));

interface Part {
  readonly name: string;
  readonly fence: number;
  readonly since: number;
  readonly trouble: string;
  readonly failure?: CompanionOutput["failure"];
}
interface Given extends Partial<Part> {
  /** its work: it ends with it, and fails with it */
  readonly work?: () => Promise<void>;
  /** called with each `resign` that it gets; it ends then */
  readonly onResign?: () => void;
}
/** A chart that works until its work ends or until it is to resign. */
const chart = (id = "brief") =>
  setup({
    types: { input: {} as Given, context: {} as Part & Given, output: {} as CompanionOutput },
    actors: { work: fromPromise<void, Given>(({ input }) => input.work!()) },
  }).createMachine({
    id,
    context: ({ input }) => ({ name: "a task", fence: 0, since: 5, trouble: "", ...input }),
    initial: "leader",
    invoke: {
      src: "work",
      input: ({ context }) => context,
      onDone: ".over",
      onError: { target: ".over", actions: ({ context, event }) => Object.assign(context, { failure: { error: event.error } }) },
    },
    states: {
      leader: {
        initial: "working",
        states: { working: {} },
        on: { resign: { target: "over", actions: ({ context }) => context.onResign?.() } },
      },
      over: { type: "final" },
    },
    output: ({ context }) => ({ failure: context.failure }),
  });
const brief = (input: Given, { name = "brief", id = "brief" } = {}): Companion => ({
  name,
  logic: chart(id),
  input: input as Companion["input"],
});

describe("a companion", () => {
  it("is a child of the service's chart under its name and its number, until it ends", async () => {
    const gates = new Gates();
    const ended: string[] = [];
    const spawnIn = ({ spawn }: HookContext, name: string) =>
      spawn(brief({ work: () => gates.hold(name) })).then(() => ended.push(name));
    const tier = make({ run: async (context) => void (await Promise.all(["one", "two"].map((name) => spawnIn(context, name)))) });
    const report = tier.runToCompletion();
    const [one, two] = [await gates.take("one"), await gates.take("two")];
    expect([childrenOf(tier), ended]).toEqual([["companion.brief.1", "companion.brief.2"], []]);
    two.open();
    await settles("the second has ended", () => ended.length > 0);
    expect([childrenOf(tier), ended]).toEqual([["companion.brief.1"], ["two"]]);
    one.open();
    expect(await report).toMatchObject({ outcome: "completed", failures: [] });
    expect(ended).toEqual(["two", "one"]);
  });

  it("that fails rejects its spawn with the error as it was thrown", async () => {
    const torn = new Error("torn");
    const outcomes: unknown[] = [];
    const run = ({ spawn }: HookContext) =>
      spawn(brief({ work: () => Promise.reject(torn) })).catch((error: unknown) => void outcomes.push(error));
    expect(await make({ run }).runToCompletion()).toMatchObject({ outcome: "completed", failures: [] });
    expect(outcomes).toEqual([torn]);
    expect(outcomes[0]).toBe(torn);
  });

  it("that has no output resolves its spawn", async () => {
    const logic = setup({}).createMachine({ initial: "over", states: { over: { type: "final" } } });
    const run = ({ spawn }: HookContext) => spawn({ name: "brief", logic, input: {} });
    expect(await make({ run }).runToCompletion()).toMatchObject({ outcome: "completed", failures: [] });
  });

  it("sends its facts to the service's chart, which is its parent", async () => {
    const lost = { type: "leadership.lost", name: "a task", fence: 7, reason: "torn" } as const;
    const logic = setup({}).createMachine({
      entry: sendParent(lost),
      initial: "over",
      states: { over: { type: "final" } },
    });
    const tier = make({ run: ({ spawn }) => spawn({ name: "brief", logic, input: {} }) });
    const facts: unknown[] = [];
    tier.onFact((fact) => facts.push(fact));
    await tier.runToCompletion();
    expect(facts).toContainEqual(lost);
  });
});

describe("a drain", () => {
  it("has each companion resign, also one that the hook does not await, and waits for its end", async () => {
    const gates = new Gates();
    let resigned = 0;
    const onResign = () => void (resigned += 1);
    const tier = make({
      onStart: ({ spawn }) => void spawn(brief({ work: () => gates.hold("work"), onResign })),
    });
    await tier.boot();
    await gates.take("work");
    expect(resigned).toBe(0);
    expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    expect([resigned, childrenOf(tier)]).toEqual([1, []]);
  });

  it("that begins as a companion is spawned has it resign at once", async () => {
    const gates = new Gates();
    let resigned = 0;
    const work = () => gates.hold("work");
    const tier = make({
      run: async ({ spawn }, self) => {
        await gates.hold("run");
        const spawned = spawn(brief({ work, onResign: () => void (resigned += 1) }));
        void self.shutdown();
        await spawned;
      },
    });
    const report = tier.runToCompletion();
    (await gates.take("run")).open();
    expect(await report).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(resigned).toBe(1);
  });

  it("sends nothing to a companion that has ended", async () => {
    const tier = make({ onStart: ({ spawn }) => spawn(brief({ work: () => Promise.resolve() })) });
    const sent: unknown[] = [];
    await tier.boot();
    tier.actor.inspect((event) => {
      if (event.type === "@xstate.event") sent.push(event.event.type);
    });
    await tier.shutdown();
    expect(sent).not.toContain("resign");
  });

  it("that has begun lets no companion be spawned: the spawn rejects with the reason of the hook's signal", async () => {
    let kept: HookContext | undefined;
    const tier = make({ onStart: (context) => void (kept = context) });
    await tier.boot();
    await tier.shutdown();
    await expect(kept!.spawn(brief({}))).rejects.toBe(kept!.signal.reason);
  });
});

describe("a spawn", () => {
  const logic = chart();
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["no name", { logic, input: {} }],
    ["a name that is no text", { name: 7, logic, input: {} }],
    ["no logic", { name: "brief", input: {} }],
    ["a logic without transitions", { name: "brief", logic: {}, input: {} }],
    ["no input", { name: "brief", logic }],
    ["null as its input", { name: "brief", logic, input: null }],
    ["a text as its input", { name: "brief", logic, input: "all" }],
  ])("of %s is refused, and nothing is spawned", async (_what, given) => {
    const refused: unknown[] = [];
    const run = ({ spawn }: HookContext) => spawn(given as never).catch((error: unknown) => void refused.push(error));
    const tier = make({ run });
    const children: string[] = [];
    tier.actor.subscribe(() => children.push(...childrenOf(tier)));
    expect(await tier.runToCompletion()).toMatchObject({ outcome: "completed", failures: [] });
    expect(refused).toMatchObject([{ code: "SG_ERR_CONFIG_INVALID", message: expect.stringContaining("context.spawn takes") }]);
    expect(children).toEqual([]);
  });
});

describe("the status", () => {
  it("lists the companions that are leaderships, while they are active; without a term there is no fence", async () => {
    const gates = new Gates();
    const work = () => gates.hold("work");
    const spawned = [
      brief({ work, name: "leads", fence: 7, since: 9, trouble: "slow" }, { id: "leadership" }),
      brief({ work, name: "follows" }, { id: "leadership" }),
      brief({ work, name: "else" }, { id: "else" }),
      { name: "brief", logic: fromPromise(work), input: {} } satisfies Companion,
    ];
    const tier = make({ run: async ({ spawn }) => void (await Promise.all(spawned.map((one) => spawn(one)))) });
    const report = tier.runToCompletion();
    const held = [];
    for (const _ of spawned) held.push(await gates.take("work"));
    const { leaderships } = tier.status();
    for (const gate of held) gate.open();
    expect(await report).toMatchObject({ outcome: "completed" });
    expect(leaderships).toEqual([
      { name: "leads", state: "leader", fence: 7, since: 9, trouble: "slow" },
      { name: "follows", state: "leader", fence: null, since: 5, trouble: "" },
    ]);
    expect(tier.status().leaderships).toEqual([]);
  });
});
