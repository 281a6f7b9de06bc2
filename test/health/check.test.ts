/** When Redis counts as unreachable and the event loop as blocked, and how metrics are written. Time is simulated. */
import { describe, expect, test } from "vitest";
import { createActor, fromCallback, SimulatedClock } from "xstate";
import { redisVerdict } from "../../machines/health-port.machine.ts";
import type { HealthParts } from "../../src/health/actors.ts";
import { providedHealthPort, provideParts } from "../../src/health/actors.ts";
import { LoopWatch } from "../../src/health/loop-watch.ts";
import { gauge, writeMetrics } from "../../src/health/metrics.ts";
import { judgeReadiness } from "../../src/health/readiness.ts";
import { turnedSource } from "../kit/health-source.ts";

const settle = () => new Promise((resolve) => setImmediate(resolve));
const refuse = () => Promise.reject(new Error("refused"));
const pass = () => Promise.resolve();
const hang = () => new Promise<void>(() => {});
const hangUntilAbort = (signal: AbortSignal) =>
  new Promise<void>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** The chart with a port that is open at once, and one check a second with a deadline of a second; `behave` is the next check. */
const stage = (first: (signal: AbortSignal) => Promise<void>) => {
  const clock = new SimulatedClock();
  const facts: object[] = [];
  const signals: AbortSignal[] = [];
  const under = { behave: first, clock, facts, signals };
  const check = (signal: AbortSignal) => {
    signals.push(signal);
    return under.behave(signal);
  };
  const port = openPort({ check, intervalMs: 1000, timeoutMs: 1000, clock });
  port.on("*", (fact) => facts.push(fact));
  const advance100 = async () => {
    clock.increment(100);
    await settle();
    clock.increment(0);
    await settle();
  };
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) await advance100();
  };
  const verdict = () => redisVerdict(port.getSnapshot());
  return { ...under, port, verdict, advance, turnTo: (behave: typeof first) => Object.assign(under, { behave }) };
};

const address = { host: "127.0.0.1", port: 1 };
const openPort = (check: HealthParts["check"]) => {
  const listening = fromCallback(({ sendBack, receive }) =>
    receive(({ type }) => type === "listen" && sendBack({ type: "port.listening", address })),
  );
  const idle = fromCallback(() => {});
  const port = createActor(
    providedHealthPort.provide({ actors: { mainPort: listening as never, noticeBoard: idle, loopWatch: idle } }),
    { input: { wanted: address, hasThread: false, checksRedis: true } },
  );
  provideParts(port.system, { check } as HealthParts);
  port.start();
  port.send({ type: "open" });
  return port;
};

describe("the check of Redis", () => {
  test("begins as reachable and asks once a second", async () => {
    const { verdict, advance, signals } = stage(pass);
    await advance(900);
    expect(signals.length).toBe(0);
    await advance(3100);
    expect(signals.length).toBe(4);
    expect(verdict()).toEqual({ reachable: true, failures: 0, reason: "" });
  });

  test("falls with the third failure in a row, rises with one success, and emits each once", async () => {
    const { verdict, advance, turnTo, facts } = stage(refuse);
    await advance(2000);
    expect(verdict()).toEqual({ reachable: true, failures: 2, reason: "refused" });
    await advance(1000);
    expect(verdict()?.reachable).toBe(false);
    await advance(1000);
    turnTo(pass);
    await advance(1000);
    expect(verdict()).toEqual({ reachable: true, failures: 0, reason: "" });
    expect(facts).toEqual([
      { type: "redis.unreachable", failures: 3, reason: "refused" },
      { type: "redis.restored", missed: 4 },
    ]);
  });

  test("two failures in a row change nothing", async () => {
    const { verdict, advance, turnTo, facts } = stage(refuse);
    for (let round = 0; round < 3; round += 1) {
      turnTo(refuse);
      await advance(2000);
      expect(verdict()?.reachable).toBe(true);
      turnTo(pass);
      await advance(1000);
    }
    expect(facts).toEqual([]);
  });

  test("a check that hangs fails each second, and no second one begins", async () => {
    const { verdict, advance, signals } = stage(hang);
    await advance(3900);
    expect(verdict()).toMatchObject({ reachable: true, failures: 2 });
    await advance(100);
    expect(verdict()).toEqual({ reachable: false, failures: 3, reason: "no answer within 3000 ms" });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test("a check that ends at its deadline is followed by the next at once", async () => {
    const { verdict, advance, signals } = stage(hangUntilAbort);
    await advance(4000);
    expect(verdict()).toEqual({ reachable: false, failures: 3, reason: "no answer within 1000 ms" });
    expect(signals.length).toBe(4);
  });

  test("an answer after the deadline is a failure", async () => {
    const late = stage(() => new Promise((resolve) => late.clock.setTimeout(resolve, 1500)));
    await late.advance(5000);
    expect(late.verdict()).toMatchObject({ reachable: false, failures: 3 });
    expect(late.signals.length).toBe(3);
  });

  test("a check that throws at once is a failure like any other", async () => {
    const { verdict, advance } = stage(() => {
      throw new Error("no client");
    });
    await advance(3000);
    expect(verdict()).toEqual({ reachable: false, failures: 3, reason: "no client" });
  });

  test.each([
    ["hangs", hang],
    ["ends at its signal", hangUntilAbort],
    ["passes", pass],
  ])("a check that %s is aborted when the port closes, and none follows", async (_how, behave) => {
    const { verdict, advance, signals, port } = stage(behave);
    await advance(1500);
    port.send({ type: "close" });
    const before = verdict();
    await advance(5000);
    expect(verdict()).toEqual(before);
    expect(signals.length).toBe(1);
  });
});

describe("the watch of the event loop", () => {
  const watched = () => {
    const clock = new SimulatedClock();
    const blocks: number[] = [];
    const onBlocked = (ms: number) => blocks.push(ms);
    const watch = new LoopWatch({ maxDelayMs: 1000, holdMs: 1000, clock, onBlocked, onBeat: () => {} });
    watch.start();
    return { clock, blocks, watch };
  };
  /** time passes and no timer fires, as while the loop is blocked */
  const block = (clock: SimulatedClock, ms: number) => Object.assign(clock, { _now: clock.now() + ms });

  test("a read before the late timer fires sees the block, and reports it once", () => {
    const { clock, blocks, watch } = watched();
    block(clock, 3100);
    expect(watch.blockedMs).toBe(3000);
    clock.increment(100);
    expect(watch.blockedMs).toBe(3000);
    expect(blocks).toEqual([3000]);
  });

  test("a block shows for one interval; the total stays", () => {
    const { clock, watch } = watched();
    clock.increment(2100);
    for (let passed = 0; passed < 900; passed += 100) clock.increment(100);
    expect(watch.blockedMs).toBe(2000);
    clock.increment(100);
    expect(watch.blockedMs).toBe(0);
    expect(watch.totalBlockedMs).toBe(2000);
  });

  test("a delay below the threshold shows nothing, nor does time after the stop", () => {
    const { clock, blocks, watch } = watched();
    clock.increment(1050);
    expect(watch.blockedMs).toBe(0);
    watch.stop();
    clock.increment(60_000);
    expect([watch.blockedMs, blocks.length]).toEqual([0, 0]);
  });
});

describe("readiness", () => {
  const parts = ({ chart = true, stopping = false, redis = true, blockedMs = 0, pressure = false }) => ({
    source: Object.assign(turnedSource(), {
      verdict: chart ? { ready: true } : { ready: false, reason: "starting" },
      isStopping: stopping,
    }),
    redis: { reachable: redis, failures: 3, reason: "refused" },
    watch: { blockedMs },
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
