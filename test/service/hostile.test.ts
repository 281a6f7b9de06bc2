/** A service with hooks, loggers, listeners and options that misbehave. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { HookContext, Logger, ServiceFact } from "../../src/index.ts";
import { endPrograms, Program } from "../kit/program.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import type { TestHooks } from "../kit/tier.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const make = (hooks: TestHooks = {}, options = {}) => new TestTier({ redis: null, ...options }, hooks);
const unprintable = [
  ["an object without a prototype", Object.create(null)],
  [
    "an error whose message throws",
    Object.defineProperty(new Error(), "message", {
      get: () => {
        throw new Error("no");
      },
    }),
  ],
  [
    "a toString that throws",
    {
      toString: () => {
        throw new Error("no");
      },
    },
  ],
  ["undefined", undefined],
  ["null", null],
] as const;

describe.each(unprintable)("%s, thrown", (_, thrown) => {
  it.each([
    ["onStart", "SG_ERR_START_FAILED"],
    ["run", "SG_ERR_RUN_FAILED"],
    ["onStop", "SG_ERR_STOP_FAILED"],
  ])("by %s is an ordinary failure, and onStop is called once", async (hook, code) => {
    const tier = make({
      run: () => {},
      [hook]: () => {
        throw thrown;
      },
    });
    const report = await tier.runToCompletion();
    expect(report).toMatchObject({ outcome: "failed", exitCode: 1, error: { code } });
    expect(tier.calls.filter((call) => call === "onStop")).toHaveLength(1);
    expect(tier.state).toBe("stopped");
  });

  it("as the reason of a shutdown, does not keep the report from resolving", async () => {
    const tier = make();
    await tier.boot();
    expect(["shutdown", "failed"]).toContain((await tier.shutdown(thrown as never)).outcome);
  });
});

describe("hooks", () => {
  it("with a phase for each job leave a record of bounded length", async () => {
    const jobs = async ({ phase }: HookContext) => {
      for (let i = 0; i < 2000; i += 1) await phase(`job-${i}`, () => {});
    };
    const tier = make({ run: jobs });
    let ended = 0;
    tier.onFact((fact) => {
      if (fact.type === "phase.ended" && fact.phase.startsWith("running.")) ended += 1;
    });
    const report = await tier.runToCompletion();
    expect(report.phases.length).toBeLessThan(250);
    expect([ended, report.phases.some(({ phase }) => phase === "running.job-1999")]).toEqual([2000, true]);
  });

  it("with more phases at once than are kept publish the end of each, and leave a record of bounded length", async () => {
    const count = 500;
    let begun = 0;
    const atOnce = async ({ phase }: HookContext) => {
      let open: () => void = () => {};
      const gate = new Promise<void>((resolve) => (open = resolve));
      const job = async (i: number) => {
        begun += 1;
        await gate;
        if (i === count - 1) throw new Error("the last one");
      };
      const jobs = Array.from({ length: count }, (_, i) => phase("job", () => job(i)));
      open();
      await Promise.allSettled(jobs);
    };
    const tier = make({ run: atOnce });
    const outcomes: string[] = [];
    tier.onFact((fact) => {
      if (fact.type === "phase.ended" && fact.phase === "running.job") outcomes.push(fact.outcome);
    });
    const report = await tier.runToCompletion();
    expect([report.outcome, begun]).toEqual(["completed", count]);
    expect(outcomes.sort()).toEqual([...Array<string>(count - 1).fill("done"), "failed"]);
    expect(report.phases.length).toBeLessThan(250);
  });

  it("that defer no function, or name a phase without work, get an error at once", async () => {
    const tier = make({ onStart: ({ defer }) => defer(undefined as never) });
    await expect(tier.boot()).rejects.toThrow("context.defer takes a function, not undefined.");
    const other = make({ onStart: async ({ phase }) => void (await phase("x", null as never)) });
    await expect(other.boot()).rejects.toThrow("context.phase takes a function, not null.");
  });

  it("with a release that defers itself again are cut at the deadline, and the release is named", async () => {
    const tier = make(
      {
        onStart: ({ defer }) => {
          const again = () => defer(again);
          defer(again);
        },
        run: () => {},
      },
      { stopTimeoutMs: 200 },
    );
    expect(await tier.runToCompletion()).toMatchObject({ outcome: "failed", error: { code: "SG_ERR_STOP_TIMEOUT" } });
    expect(tier.state).toBe("stopped");
  });
});

describe("listeners", () => {
  it("one that answers every failure with a shutdown does not loop", async () => {
    const tier = make({
      onStop: () => {
        throw new Error("first");
      },
    });
    tier.onFact((fact: ServiceFact) => {
      if (fact.type === "failed") void tier.shutdown(new Error("again"));
    });
    await tier.boot();
    const report = await tier.shutdown();
    expect(report.failures.map(({ message }) => message)).toEqual(["onStop failed: first", "again"]);
  });

  it("a logger, a subscriber and a listener that reject are contained", async () => {
    const rejects = () => Promise.reject(new Error("later")) as never;
    const logger: Logger = { debug: rejects, info: rejects, warn: rejects, error: rejects };
    const tier = make({ run: () => {} }, { logger });
    tier.actor.subscribe(rejects);
    tier.onFact(rejects);
    expect(await tier.runToCompletion()).toMatchObject({ outcome: "completed" });
  });
});

describe("options", () => {
  it.each([
    [undefined, "the options must be an object"],
    [null, "the options must be an object"],
    [{ serviceName: "x", instanceId: null }, "instanceId must be a string, not null"],
    [{ serviceName: "x", instanceId: Object.create(null) }, "instanceId must be a string, not object"],
    [{ serviceName: "x", healthPort: null }, "healthPort must be a whole number"],
    [
      {
        serviceName: "x",
        get metadata() {
          throw new Error("trap");
        },
      },
      "metadata cannot be read: trap",
    ],
  ])("%# are refused as configuration", (options, problem) => {
    class Bare extends TestTier {}
    const construct = () => Reflect.construct(Object.getPrototypeOf(TestTier), [options], Bare);
    expect(construct).toThrow(problem);
  });
});

describe("a process", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterEach(endPrograms);
  afterAll(() => redis.stop());
  const entries = () => redis.witness.keys("sg:registry:service:*");
  const program = (test: object = {}, file = "service.mjs") =>
    new Program(file, { env: { REDIS_URL: redis.url, SG_TEST: JSON.stringify(test) } });

  it("whose standard output is closed goes on, and unwinds at SIGTERM", async () => {
    const service = program();
    await service.state("running");
    service.child.stdout!.destroy();
    service.signal("SIGTERM");
    expect(await service.ended).toMatchObject({ code: 0 });
    await eventually("no ghost", async () => (await entries()).length === 0);
  });

  it("that throws a value that cannot be printed stops gracefully, once", async () => {
    const service = program({ run: "unprintable" });
    expect(await service.ended).toMatchObject({ code: 1 });
    expect(service.report).toMatchObject({ outcome: "failed", error: { code: "SG_ERR_UNCAUGHT" } });
  });

  it.each(["undefined", "promise", "number"])("that launches %s instead of a service is refused, exit 2", async (what) => {
    const wrong = new Program("launch-wrong.mjs", { args: [what] });
    expect(await wrong.ended).toMatchObject({ code: 2 });
    expect(wrong.errors).toContain("SG_ERR_CONFIG_INVALID: launch takes a service");
  });

  it("that launches a second service while the first one stops at a signal stops both", async () => {
    const service = program({ onStop: "rude", on: { stopping: "launch" } });
    await service.state("running");
    service.signal("SIGTERM");
    expect(await service.ended).toMatchObject({ code: 0 });
    expect(service.lines.filter((line) => line.type === "stopped")).toHaveLength(2);
  });
});
