/** A life as traces of the OpenTelemetry SDK: one of the boot, one of the stop that is linked to it. */
import { trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stopSteps } from "../../machines/phases.ts";
import type { Spans } from "../kit/spans.ts";
import { idOf, linksOf, parentOf, registerSdk, traceOf } from "../kit/spans.ts";
import type { TestHooks } from "../kit/tier.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let spans: Spans;
beforeEach(() => {
  spans = registerSdk();
});
afterEach(() => spans.unregister());

const options = { serviceName: "orders", redis: null, useHealthServer: false } as const;
/** A span of the tier's own, that begins and ends. */
const mark = (name: string): void => trace.getTracer("the tier's own").startSpan(name).end();

/** Runs to `running` and stops. */
const live = async (hooks: TestHooks = {}): Promise<TestTier> => {
  const tier = new TestTier(options, hooks);
  const report = tier.runToCompletion();
  await tier.waitFor("running");
  await tier.shutdown("done");
  await report;
  await eventually("the stop's span", () => spans.named("stop orders")[0]);
  return tier;
};

describe("the trace of a boot", () => {
  it("has a span for each phase from jitter to healthy, below one of the whole boot", async () => {
    await live();
    const boot = spans.one("boot orders");
    const phases = ["jitter", "pinging", "starting", "registering", "healthy"];
    expect(
      spans
        .all()
        .filter((span) => parentOf(span) === idOf(boot))
        .map(({ name }) => name),
    ).toEqual(phases);
    expect(parentOf(boot)).toBeUndefined();
    expect(boot.attributes).toMatchObject({ "stargazer.service": "orders", "stargazer.outcome": "done" });
    expect(spans.one("pinging").attributes).toMatchObject({ "stargazer.phase": "pinging", "stargazer.outcome": "skipped" });
  });

  it("has the phases and the spans of a hook below those of the phase that they lie in", async () => {
    await live({
      onStart: ({ phase }) =>
        phase("model", async () => {
          mark("load");
          await phase("weights", () => mark("read"));
        }),
    });
    const ids = (name: string) => idOf(spans.one(name));
    expect(parentOf(spans.one("starting.model"))).toBe(ids("starting"));
    expect(parentOf(spans.one("load"))).toBe(ids("starting.model"));
    expect(parentOf(spans.one("starting.model.weights"))).toBe(ids("starting.model"));
    expect(parentOf(spans.one("read"))).toBe(ids("starting.model.weights"));
  });

  it("keeps the spans of two phases that run at once apart", async () => {
    const together = async (name: string) => {
      await Promise.resolve();
      mark(`in ${name}`);
    };
    await live({
      onStart: async ({ phase }) => {
        await Promise.all(["a", "b"].map((name) => phase(name, () => together(name))));
      },
    });
    for (const name of ["a", "b"]) expect(parentOf(spans.one(`in ${name}`))).toBe(idOf(spans.one(`starting.${name}`)));
  });

  it("ends as failed, with the code of the failure, where a hook throws", async () => {
    const tier = new TestTier(options, {
      onStart: ({ phase }) =>
        phase("model", () => {
          throw new Error("no weights");
        }),
    });
    await tier.runToCompletion();
    await eventually("the stop's span", () => spans.named("stop orders")[0]);
    for (const name of ["boot orders", "starting"])
      expect(spans.one(name)).toMatchObject({
        status: { code: 2, message: "onStart failed: no weights" },
        attributes: { "stargazer.outcome": "failed", "error.type": "SG_ERR_START_FAILED" },
      });
    expect(spans.one("starting.model")).toMatchObject({ status: { code: 2 } });
    expect(spans.one("starting").events).toMatchObject([
      {
        name: "exception",
        attributes: { "exception.type": "SG_ERR_START_FAILED", "exception.message": "onStart failed: no weights" },
      },
    ]);
    expect(spans.one("stop orders")).toMatchObject({ status: { code: 2 }, attributes: { "stargazer.outcome": "failed" } });
  });

  it("ends as aborted where a shutdown cuts it", async () => {
    const tier = new TestTier(options, {
      onStart: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
    });
    const report = tier.runToCompletion();
    await tier.waitFor("starting");
    await tier.shutdown("enough");
    await report;
    await eventually("the stop's span", () => spans.named("stop orders")[0]);
    expect(spans.one("boot orders").attributes).toMatchObject({ "stargazer.outcome": "aborted" });
  });
});

describe("the trace of a stop", () => {
  it("is linked to the boot and has a span for each step", async () => {
    await live();
    const [boot, stop] = [spans.one("boot orders"), spans.one("stop orders")];
    expect(linksOf(stop)).toEqual([idOf(boot)]);
    expect(traceOf(stop)).not.toBe(traceOf(boot));
    const steps = spans.all().filter((span) => parentOf(span) === idOf(stop));
    expect(steps.map(({ name }) => name)).toEqual(stopSteps.map((step) => `stopping.${step}`));
    expect(stop.attributes).toMatchObject({ "stargazer.outcome": "shutdown", "stargazer.stop.reason": "done" });
  });

  it("has what onStop and the releases do below their steps", async () => {
    await live({
      onStart: ({ defer }) => defer(() => mark("close the pool")),
      onStop: () => mark("say it"),
    });
    expect(parentOf(spans.one("say it"))).toBe(idOf(spans.one("stopping.unwinding")));
    expect(parentOf(spans.one("close the pool"))).toBe(idOf(spans.one("stopping.releasing")));
  });
});

describe("run", () => {
  it("has no span of its own, and each of its phases is a trace that is linked to the boot", async () => {
    await live({ run: ({ phase }) => phase("job", () => mark("work")) });
    const job = spans.one("running.job");
    expect(parentOf(job)).toBeUndefined();
    expect(linksOf(job)).toEqual([idOf(spans.one("boot orders"))]);
    expect(parentOf(spans.one("work"))).toBe(idOf(job));
  });
});
