/** The channel of facts, and what a tier may hand to its service, at their edges. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { setup } from "xstate";
import type { Companion } from "../../machines/companion.ts";
import type { ServiceFact } from "../../src/index.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, TestTier } from "../kit/tier.ts";

const tiers: TestTier[] = [];
afterEach(async () => {
  await Promise.all(tiers.splice(0).map((tier) => tier.shutdown()));
});

const tierOf = (hooks: TestHooks = {}): TestTier => {
  const tier = new TestTier({ redis: null, useHealthServer: false }, hooks);
  tiers.push(tier);
  return tier;
};

/** A chart that sends its parent one event, and ends when it is asked to. */
const sender = (event: { type: string }): Companion["logic"] =>
  setup({ types: {} as { input: { parent: { send(event: unknown): void } } } }).createMachine({
    entry: ({ context }) => (context as { parent: { send(event: unknown): void } }).parent.send(event),
    context: ({ input }) => input,
    initial: "on",
    states: { on: { on: { resign: "off" } }, off: { type: "final" } },
  });

describe("the channel of facts", () => {
  it("drops an event of a companion that is no fact, and goes on to the last one", async () => {
    const facts: ServiceFact["type"][] = [];
    const tier = tierOf({
      run: (context) => context.spawn({ name: "odd", logic: sender({ type: "leadership.progress" }), input: {} }),
    });
    tier.onFact(({ type }) => facts.push(type));
    const ended = tier.runToCompletion();
    await tier.waitFor("running");
    await tier.shutdown();
    expect((await ended).outcome).toBe("shutdown");
    expect(facts).not.toContain("leadership.progress");
    expect(facts.at(-1)).toBe("stopped");
  });

  it("calls a listener no more that another one has removed, also for the fact under way", async () => {
    const tier = tierOf();
    const seen: string[] = [];
    let remove = () => {};
    tier.onFact(() => remove());
    remove = tier.onFact(({ type }) => seen.push(type));
    await tier.shutdown();
    expect(seen).toEqual([]);
  });
});

describe("context.spawn", () => {
  it.each([[undefined], [null], [{}], [{ name: "a", logic: {}, input: {} }], [{ name: "a", logic: sender({ type: "x" }) }]])(
    "refuses %j with what it takes, and the service goes on",
    async (given) => {
      let refusal: unknown;
      const tier = tierOf({
        async run(context) {
          refusal = await context.spawn(given as unknown as Companion).catch((error: unknown) => error);
          await aborted(context.signal);
        },
      });
      const ended = tier.runToCompletion();
      await tier.waitFor("running");
      await tier.shutdown();
      expect(refusal).toMatchObject({
        code: "SG_ERR_CONFIG_INVALID",
        message: expect.stringContaining("{ name, logic, input }"),
      });
      expect(await ended).toMatchObject({ outcome: "shutdown", failures: [] });
    },
  );
});

describe("waitFor", () => {
  it("keeps nothing of a wait that has ended while the service runs on", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const tier = tierOf();
    void tier.runToCompletion();
    await tier.waitFor("running");
    const wait = async (): Promise<WeakRef<AbortSignal>> => {
      const abort = new AbortController();
      const waiting = tier.waitFor("stopped", { signal: abort.signal }).catch(() => {});
      abort.abort();
      await waiting;
      return new WeakRef(abort.signal);
    };
    const ref = await wait();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(ref.deref()).toBeUndefined();
  });
});
