/** A loop that catches what the library rejects without I/O, and goes on, lets signals and timers come. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Term } from "../../src/leadership/lead.ts";
import { lead } from "../../src/leadership/lead.ts";
import type { HookContext } from "../../src/service/types.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { turnsBetween } from "../kit/turns.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

interface Stopped {
  readonly tier: TestTier;
  readonly context: HookContext;
  readonly term: Term;
}

const over = AbortSignal.abort(new Error("over"));
/** What is refused once a service has stopped, or whatever its state. */
const refused: Record<string, (stopped: Stopped) => Promise<unknown>> = {
  "context.phase": ({ context }) => context.phase("pass", () => {}),
  "context.phase without work": ({ context }) => context.phase("pass", undefined as never),
  "context.spawn": ({ context }) => context.spawn({ name: "x", logic: { transition() {} }, input: {} } as never),
  "context.spawn of what is no chart": ({ context }) => context.spawn({} as never),
  boot: ({ tier }) => tier.boot(),
  waitFor: ({ tier }) => tier.waitFor("init"),
  "waitFor with a signal that has aborted": ({ tier }) => tier.waitFor("stopped", { signal: over }),
  "waitFor of what is no state": ({ tier }) => tier.waitFor("ready" as never),
  "waitFor with what is no signal": ({ tier }) => tier.waitFor("stopped", { signal: 7 as never }),
  "lead with a wrong name": ({ context }) => lead(context, { name: "a b" }, () => {}),
  "the commit of a term that is over": ({ term }) => term.commit([], []),
};

describe("F69: a refusal", () => {
  const stopped = async (): Promise<Stopped> => {
    let context: HookContext | undefined;
    let term: Term | undefined;
    const tier = new TestTier(
      { redis: redis.url, useHealthServer: false },
      {
        run: (given) => {
          context = given;
          return lead(given, { name: "turns" }, async (own) => {
            term = own;
            void tier.shutdown();
            await aborted(own.signal);
          });
        },
      },
    );
    await tier.runToCompletion();
    return { tier, context: context!, term: term! };
  };
  let life: Promise<Stopped> | undefined;

  it.each(Object.entries(refused))("of %s comes in a later turn of the event loop", async (_, call) => {
    life ??= stopped();
    const known = await life;
    expect(await turnsBetween(() => call(known))).toBe(true);
  });
});

describe("F72: a listener that causes a fact at each fact", () => {
  it("blocks no signal and no timer", async () => {
    let count = 0;
    let hasTurned = false;
    setImmediate(() => {
      hasTurned = true;
    });
    const tier = new TestTier({ redis: null, useHealthServer: false });
    // ends by itself, so that a queue without an end fails and does not hang
    tier.onFact(() => {
      count += 1;
      if (!hasTurned && count < 20_000) tier.boot().catch(() => {});
    });
    await tier.shutdown();
    await eventually("the turn", () => hasTurned);
    expect(count).toBeLessThan(20_000);
  });
});
