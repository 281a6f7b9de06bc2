/** When Redis counts as gone, when the event loop as blocked, and how metrics are written. Time is simulated. */
import { describe, expect, test } from "vitest";
import { SimulatedClock } from "xstate";
import { LoopWatch } from "../../src/health/loop-watch.ts";
import { gauge, writeMetrics } from "../../src/health/metrics.ts";
import { judgeReadiness } from "../../src/health/readiness.ts";
import { RedisCheck } from "../../src/health/redis-check.ts";
import { turnedSource } from "../kit/health-source.ts";

const settle = () => new Promise((resolve) => setImmediate(resolve));
const refuse = () => Promise.reject(new Error("refused"));
const pass = () => Promise.resolve();
const hang = () => new Promise<void>(() => {});
const hangUntilAbort = (signal: AbortSignal) =>
  new Promise<void>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** One check a second with a deadline of a second; `behave` is what the next check does. */
const stage = (first: (signal: AbortSignal) => Promise<void>) => {
  const clock = new SimulatedClock();
  const facts: object[] = [];
  const signals: AbortSignal[] = [];
  const world = { behave: first, clock, facts, signals };
  const check = (signal: AbortSignal) => {
    signals.push(signal);
    return world.behave(signal);
  };
  const subject = new RedisCheck({ check, intervalMs: 1000, timeoutMs: 1000, clock, onFact: (fact) => facts.push(fact) });
  subject.start();
  const pass100 = async () => {
    clock.increment(100);
    await settle();
    clock.increment(0);
    await settle();
  };
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) await pass100();
  };
  return { ...world, subject, advance, turnTo: (behave: typeof first) => Object.assign(world, { behave }) };
};

describe("the check of Redis", () => {
  test("starts out reachable and asks once a second", async () => {
    const { subject, advance, signals } = stage(pass);
    await advance(900);
    expect(signals.length).toBe(0);
    await advance(3100);
    expect(signals.length).toBe(4);
    expect(subject.verdict).toEqual({ reachable: true, failures: 0, reason: "" });
  });

  test("falls with the third failure in a row, rises with one success, and tells each once", async () => {
    const { subject, advance, turnTo, facts } = stage(refuse);
    await advance(2000);
    expect(subject.verdict).toEqual({ reachable: true, failures: 2, reason: "refused" });
    await advance(1000);
    expect(subject.verdict.reachable).toBe(false);
    await advance(1000);
    turnTo(pass);
    await advance(1000);
    expect(subject.verdict).toEqual({ reachable: true, failures: 0, reason: "" });
    expect(facts).toEqual([
      { type: "redis.unreachable", failures: 3, reason: "refused" },
      { type: "redis.restored", missed: 4 },
    ]);
  });

  test("a blip of two flips nothing", async () => {
    const { subject, advance, turnTo, facts } = stage(refuse);
    for (let blip = 0; blip < 3; blip += 1) {
      turnTo(refuse);
      await advance(2000);
      expect(subject.verdict.reachable).toBe(true);
      turnTo(pass);
      await advance(1000);
    }
    expect(facts).toEqual([]);
  });

  test("one that hangs for good fails each second, and no second one is begun", async () => {
    const { subject, advance, signals } = stage(hang);
    await advance(3900);
    expect(subject.verdict).toMatchObject({ reachable: true, failures: 2 });
    await advance(100);
    expect(subject.verdict).toEqual({ reachable: false, failures: 3, reason: "no answer within 3000 ms" });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test("one that obeys its deadline is followed by the next at once", async () => {
    const { subject, advance, signals } = stage(hangUntilAbort);
    await advance(4000);
    expect(subject.verdict).toEqual({ reachable: false, failures: 3, reason: "no answer within 1000 ms" });
    expect(signals.length).toBe(4);
  });

  test("answers that always come after the deadline are none", async () => {
    const late = stage(() => new Promise((resolve) => late.clock.setTimeout(resolve, 1500)));
    await late.advance(5000);
    expect(late.subject.verdict).toMatchObject({ reachable: false, failures: 3 });
    expect(late.signals.length).toBe(3);
  });

  test("one that throws at once is a failure like any other", async () => {
    const { subject, advance } = stage(() => {
      throw new Error("no client");
    });
    await advance(3000);
    expect(subject.verdict).toEqual({ reachable: false, failures: 3, reason: "no client" });
  });

  test.each([
    ["hangs", hang],
    ["obeys", hangUntilAbort],
    ["passes", pass],
  ])("stopped while it %s it is aborted, and nothing follows", async (_how, behave) => {
    const { subject, advance, signals } = stage(behave);
    await advance(1500);
    subject.stop();
    const { verdict } = subject;
    await advance(5000);
    expect(subject.verdict).toEqual(verdict);
    expect(signals.length).toBe(1);
    subject.stop();
  });
});

describe("the watch of the event loop", () => {
  const watched = () => {
    const clock = new SimulatedClock();
    const facts: object[] = [];
    const watch = new LoopWatch({ maxDelayMs: 1000, holdMs: 1000, clock, onFact: (fact) => facts.push(fact) });
    watch.start();
    return { clock, facts, watch };
  };
  /** time passes and no timer fires, as while the loop is blocked */
  const block = (clock: SimulatedClock, ms: number) => Object.assign(clock, { _now: clock.now() + ms });

  test("whoever asks before the timer has fired learns of the block, once", () => {
    const { clock, facts, watch } = watched();
    block(clock, 3100);
    expect(watch.blockedMs).toBe(3000);
    clock.increment(100);
    expect(watch.blockedMs).toBe(3000);
    expect(facts).toEqual([{ type: "loop.blocked", blockedMs: 3000 }]);
  });

  test("a block shows for the interval and not for longer; the total stays", () => {
    const { clock, watch } = watched();
    clock.increment(2100);
    for (let passed = 0; passed < 900; passed += 100) clock.increment(100);
    expect(watch.blockedMs).toBe(2000);
    clock.increment(100);
    expect(watch.blockedMs).toBe(0);
    expect(watch.totalBlockedMs).toBe(2000);
  });

  test("a hitch below the threshold shows nothing, nor does time after the stop", () => {
    const { clock, facts, watch } = watched();
    clock.increment(1050);
    expect(watch.blockedMs).toBe(0);
    watch.stop();
    clock.increment(60_000);
    expect([watch.blockedMs, facts.length]).toEqual([0, 0]);
  });
});

describe("readiness", () => {
  const parts = ({ chart = true, stopping = false, redis = true, blockedMs = 0, pressure = false }) => ({
    source: Object.assign(turnedSource(), {
      told: chart ? { ready: true } : { ready: false, reason: "starting" },
      isStopping: stopping,
    }),
    check: { verdict: { reachable: redis, failures: 3, reason: "refused" } } as RedisCheck,
    watch: { blockedMs } as LoopWatch,
    isUnderPressure: () => pressure,
  });
  test.each([
    [{}, { ready: true }],
    [
      { chart: false, redis: false },
      { ready: false, reason: "starting" },
    ],
    [
      { stopping: true, redis: false },
      { ready: false, reason: "stopping" },
    ],
    [
      { redis: false, blockedMs: 9 },
      { ready: false, reason: "Redis is not reachable: refused, 3 times in a row" },
    ],
    [
      { blockedMs: 3000, pressure: true },
      { ready: false, reason: "event loop blocked for 3000 ms" },
    ],
    [{ pressure: true }, { ready: false, reason: "event loop under pressure" }],
  ])("%o is %o", (given, expected) => {
    expect(judgeReadiness(parts(given))).toEqual(expected);
  });
});

describe("metrics", () => {
  test("label values and help are escaped, odd values are spelled as the format wants, empty metrics are left out", () => {
    const labels = { path: 'a"b\\c\nd', plain: "x" };
    const values = [1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const text = writeMetrics([
      { name: "sg_a", type: "gauge", help: 'two\nlines\\ "q"', samples: values.map((value) => ({ labels, value })) },
      { name: "sg_none", type: "counter", help: "none", samples: [] },
      gauge("sg_b", "b", 2),
    ]);
    const prefix = 'sg_a{path="a\\"b\\\\c\\nd",plain="x"}';
    expect(text.split("\n")).toEqual([
      '# HELP sg_a two\\nlines\\\\ "q"',
      "# TYPE sg_a gauge",
      `${prefix} 1.5`,
      `${prefix} NaN`,
      `${prefix} +Inf`,
      `${prefix} -Inf`,
      "# HELP sg_b b",
      "# TYPE sg_b gauge",
      "sg_b 2",
      "",
    ]);
  });
});
