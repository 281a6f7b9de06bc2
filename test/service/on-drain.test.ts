/** The optional hook `onDrain`: when it is called, how long it may take, and what a failure of it is. */
import { describe, expect, it } from "vitest";
import type { HookContext, ServiceOptions } from "../../src/index.ts";
import { StargazerService } from "../../src/index.ts";
import { silentLogger } from "../../src/logger.ts";
import { seams } from "../../src/service/service.ts";
import { Gates, HeldClock, settles } from "../kit/gates.ts";
import { ask } from "../kit/http-client.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, hangs, TestTier } from "../kit/tier.ts";

const drainDelayMs = 777;
const withPort = { redis: null, useHealthServer: true, probeThread: false, drainDelayMs } as const;

/** A tier in `running`, whose timers the test fires. */
const running = async (hooks: TestHooks, own: Partial<ServiceOptions> = {}) => {
  const clock = new HeldClock();
  const tier = new TestTier({ ...withPort, ...own, [seams]: { clock } } as never, hooks);
  void tier.runToCompletion();
  await settles("it runs", () => {
    if (tier.state !== "running" && clock.pending.includes(0)) clock.fire(0);
    return tier.state === "running";
  });
  return { tier, clock, path: () => tier.status().path };
};

/** Fires the timers of the steps that wait for nothing else, to the end. */
const stoppedBy = async (clock: HeldClock, stopped: Promise<unknown>): Promise<void> => {
  let isOver = false;
  void stopped.then(() => {
    isOver = true;
  });
  await settles("it stops", () => {
    if (clock.pending.includes(0)) clock.fire(0);
    return isOver;
  });
};

describe("onDrain", () => {
  it("that the tier has taken away since its start is not called, and that is no failure", async () => {
    const { tier, clock } = await running({ onDrain: () => Promise.reject(new Error("never")) });
    Object.assign(tier, { onDrain: undefined });
    const stopped = tier.shutdown();
    const { children } = tier.actor.getSnapshot();
    expect(children.announceTier).toBeDefined();
    await settles("the step waits for its delay", () => tier.actor.getSnapshot().children.announceTier === undefined);
    clock.fire(drainDelayMs);
    await stoppedBy(clock, stopped);
    expect(await stopped).toMatchObject({ outcome: "shutdown", failures: [] });
  });

  it("is called once the probes show that the service stops, and the step lasts drainDelayMs also where it has ended", async () => {
    const seen: unknown[] = [];
    const { tier, clock, path } = await running({
      onDrain: async ({ signal, stopping, phase }, self) => {
        const atCall = [signal.aborted, stopping.aborted, self.status().path];
        const { status, data } = await ask(self.healthAddress!.port, "/readyz");
        seen.push([status, data.reason, ...atCall]);
        await phase("announce", () => seen.push(self.status().phases.at(-1)!.phase));
      },
    });
    const stopped = tier.shutdown();
    await settles("onDrain has ended", () => tier.actor.getSnapshot().children.announceTier === undefined && seen.length === 2);
    expect(seen).toEqual([
      [503, "the service is in 'stopping'", false, true, "stopping.announcing"],
      "stopping.announcing.announce",
    ]);
    expect([path(), tier.actor.getSnapshot().context.begun.drain]).toEqual(["stopping.announcing", false]);
    clock.fire(drainDelayMs);
    await stoppedBy(clock, stopped);
    const { outcome, phases } = await stopped;
    expect(outcome).toBe("shutdown");
    expect(phases.find(({ phase }) => phase === "stopping.announcing")).toMatchObject({ outcome: "done" });
  });

  it("that overruns drainDelayMs is a failure; its signal aborts, the next steps run, and the drain waits for it", async () => {
    const gates = new Gates();
    let signal: AbortSignal | undefined;
    const { tier, clock, path } = await running({
      onDrain: async (context) => {
        signal = context.signal;
        await aborted(signal);
        await gates.hold("late");
      },
    });
    const stopped = tier.shutdown();
    await settles("onDrain is called", () => signal !== undefined);
    expect(signal!.aborted).toBe(false);
    clock.fire(drainDelayMs);
    expect(signal!.aborted).toBe(true);
    const late = await gates.take("late");
    await settles("the drain has begun", () => path() === "stopping.draining");
    expect(tier.calls).not.toContain("onStop");
    late.open();
    await stoppedBy(clock, stopped);
    const { outcome, failures, phases } = await stopped;
    expect([outcome, failures]).toEqual([
      "failed",
      [
        {
          phase: "stopping.announcing",
          code: "SG_ERR_DRAIN_TIMEOUT",
          message: `onDrain did not finish within drainDelayMs (${drainDelayMs} ms)`,
        },
      ],
    ]);
    expect(phases.find(({ phase }) => phase === "stopping.announcing")).toMatchObject({ outcome: "timeout" });
    expect(tier.calls).toContain("onStop");
  });

  it.each([
    ["throws", () => Promise.resolve().then(() => Promise.reject(new Error("torn")))],
    [
      "throws at once",
      () => {
        throw new Error("torn");
      },
    ],
  ])("that %s is a failure, and the next steps run", async (_, onDrain) => {
    const { tier, clock } = await running({ onDrain });
    const stopped = tier.shutdown();
    await settles("the failure is known", () => tier.actor.getSnapshot().context.failures.length > 0);
    clock.fire(drainDelayMs);
    await stoppedBy(clock, stopped);
    const { outcome, error, failures } = await stopped;
    expect([outcome, error?.code, error?.message]).toEqual(["failed", "SG_ERR_DRAIN_FAILED", "onDrain failed: torn"]);
    expect(failures).toHaveLength(1);
    expect(tier.calls).toContain("onStop");
  });
});

describe("onDrain with drainDelayMs 0", () => {
  it("is called, its signal aborts in the next turn, the drain waits for it, and it has not failed", async () => {
    const gates = new Gates();
    let signal: AbortSignal | undefined;
    const { tier, clock, path } = await running(
      {
        onDrain: async (context) => {
          signal = context.signal;
          await gates.hold("longer");
        },
      },
      { drainDelayMs: 0 },
    );
    const stopped = tier.shutdown();
    await settles("onDrain is called", () => signal !== undefined);
    expect([path(), signal!.aborted]).toEqual(["stopping.announcing", false]);
    clock.fire(0);
    expect(signal!.aborted).toBe(true);
    await settles("the drain has begun", () => path() === "stopping.draining");
    gates.openAll();
    await stoppedBy(clock, stopped);
    expect(await stopped).toMatchObject({ outcome: "shutdown", failures: [] });
  });

  it("fails late where it throws later", async () => {
    const { tier, clock } = await running(
      { onDrain: ({ signal }) => aborted(signal).then(() => Promise.reject(new Error("torn late"))) },
      { drainDelayMs: 0 },
    );
    const stopped = tier.shutdown();
    await stoppedBy(clock, stopped);
    expect((await stopped).failures).toMatchObject([
      { phase: "stopping.announcing", code: "SG_ERR_DRAIN_FAILED", message: "torn late" },
    ]);
  });

  it("only repeats the abort of its signal: no failure", async () => {
    const { tier, clock } = await running(
      { onDrain: ({ signal }) => aborted(signal).then(() => Promise.reject(signal.reason)) },
      { drainDelayMs: 0 },
    );
    const stopped = tier.shutdown();
    await stoppedBy(clock, stopped);
    expect(await stopped).toMatchObject({ outcome: "shutdown", failures: [] });
  });
});

describe("a service without a health server", () => {
  it("waits drainDelayMs where it has an onDrain", async () => {
    let calls = 0;
    const { tier, clock, path } = await running({ onDrain: () => void calls++ }, { useHealthServer: false });
    const stopped = tier.shutdown();
    await settles("onDrain is called", () => calls === 1);
    expect([path(), clock.pending]).toEqual(["stopping.announcing", [drainDelayMs]]);
    clock.fire(drainDelayMs);
    await stoppedBy(clock, stopped);
  });
});

describe("which services have an onDrain", () => {
  it("one without the hook has no actor in that step", async () => {
    const { tier, clock } = await running({});
    const spawned: string[] = [];
    tier.actor.inspect((event) => {
      if (event.type === "@xstate.actor") spawned.push((event.actorRef as unknown as { id: string }).id);
    });
    const stopped = tier.shutdown();
    clock.fire(drainDelayMs);
    await stoppedBy(clock, stopped);
    expect(spawned).toContain("drainTier");
    expect(spawned).not.toContain("announceTier");
  });

  it("a failed or cut onStart leaves it uncalled", async () => {
    const calls: string[] = [];
    const onDrain = () => void calls.push("onDrain");
    const failing = new TestTier(withPort, { onDrain, onStart: () => Promise.reject(new Error("torn")) });
    await failing.runToCompletion();
    const cut = new TestTier({ ...withPort, drainTimeoutMs: 0 }, { onDrain, onStart: hangs });
    cut.boot().catch(() => {});
    await settles("it starts", () => cut.state === "starting");
    await cut.shutdown();
    expect(calls).toEqual([]);
  });

  it("a field of a class is one; what is no function is refused by the constructor", async () => {
    class Own extends StargazerService {
      drained = 0;
      constructor() {
        super({ ...withPort, serviceName: "own", healthPort: 0, jitterMaxMs: 0, drainDelayMs: 1, logger: silentLogger });
      }
      protected override onStart(): void {}
      protected override run({ signal }: HookContext): Promise<void> {
        return aborted(signal);
      }
      protected override onStop(): void {}
      protected override onDrain = async () => void this.drained++;
    }
    const own = new Own();
    await own.boot();
    await own.shutdown();
    expect(own.drained).toBe(1);

    class Wrong extends Own {}
    Object.defineProperty(Wrong.prototype, "onDrain", { value: "no function" });
    expect(() => new Wrong()).toThrow("onDrain of the class is no function");
  });
});
