/** When a check has failed and when the event loop counts as blocked, and how metrics are written. Time is simulated. */
import { describe, expect, test } from "vitest";
import { createActor, fromCallback, SimulatedClock } from "xstate";
import type { CheckVerdict } from "../../machines/index.ts";
import type { HealthParts } from "../../src/health/actors.ts";
import { providedHealthPort, provideParts } from "../../src/health/actors.ts";
import { LoopWatch } from "../../src/health/loop-watch.ts";
import { gauge, writeMetrics } from "../../src/health/metrics.ts";
import { judgeLiveness, judgeReadiness } from "../../src/health/readiness.ts";
import type { Check } from "../../src/health/source.ts";
import type { TurnedSource } from "../kit/health-source.ts";
import { turnedSource } from "../kit/health-source.ts";

const settle = () => new Promise((resolve) => setImmediate(resolve));
const refuse = () => Promise.reject(new Error("refused"));
const pass = () => Promise.resolve();
const hang = () => new Promise<void>(() => {});
const hangUntilAbort: Check["run"] = ({ signal }) =>
  new Promise<void>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** The chart with a port that is open at once, and one check a second with a deadline of a second; `behave` is the next check. */
const stage = (first: Check["run"], own: Partial<Check> = {}) => {
  const clock = new SimulatedClock();
  const facts: object[] = [];
  const signals: AbortSignal[] = [];
  const under = { behave: first, clock, facts, signals };
  const run: Check["run"] = (waiting) => {
    signals.push(waiting.signal);
    return under.behave(waiting);
  };
  const pace = { intervalMs: 1000, timeoutMs: 1000, failures: 3, successes: 1 };
  const source = turnedSource({ checks: [{ check: "redis", kind: "redis", ...pace, ...own, run }] });
  const port = openPort(source, clock);
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
  const verdict = () => {
    const { passing, failures, reason } = port.getSnapshot().context.verdicts[0]!;
    return { passing, failures, reason };
  };
  return { ...under, source, port, verdict, advance, turnTo: (behave: typeof first) => Object.assign(under, { behave }) };
};

const address = { host: "127.0.0.1", port: 1 };
const openPort = (source: TurnedSource, clock: SimulatedClock) => {
  const listening = fromCallback(({ sendBack, receive }) =>
    receive(({ type }) => type === "listen" && sendBack({ type: "port.listening", address })),
  );
  const idle = fromCallback(() => {});
  const port = createActor(
    providedHealthPort.provide({ actors: { mainPort: listening as never, noticeBoard: idle, loopWatch: idle } }),
    { input: { wanted: address, hasThread: false, checks: source.checks } },
  );
  provideParts(port.system, { source, clock } as unknown as HealthParts);
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
    expect(verdict()).toEqual({ passing: true, failures: 0, reason: "" });
  });

  test("falls with the third failure in a row, rises with one success, and emits each once", async () => {
    const { verdict, advance, turnTo, facts } = stage(refuse);
    await advance(2000);
    expect(verdict()).toEqual({ passing: true, failures: 2, reason: "refused" });
    await advance(1000);
    expect(verdict().passing).toBe(false);
    await advance(1000);
    turnTo(pass);
    await advance(1000);
    expect(verdict()).toEqual({ passing: true, failures: 0, reason: "" });
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
      expect(verdict().passing).toBe(true);
      turnTo(pass);
      await advance(1000);
    }
    expect(facts).toEqual([]);
  });

  test("a check that hangs fails each second, and no second one begins", async () => {
    const { verdict, advance, signals } = stage(hang);
    await advance(3900);
    expect(verdict()).toMatchObject({ passing: true, failures: 2 });
    await advance(100);
    expect(verdict()).toEqual({ passing: false, failures: 3, reason: "no answer within 3000 ms" });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test("a check that ends at its deadline is followed by the next at once", async () => {
    const { verdict, advance, signals } = stage(hangUntilAbort);
    await advance(4000);
    expect(verdict()).toEqual({ passing: false, failures: 3, reason: "no answer within 1000 ms" });
    expect(signals.length).toBe(4);
  });

  test("an answer after the deadline is a failure", async () => {
    const late = stage(() => new Promise((resolve) => late.clock.setTimeout(resolve, 1500)));
    await late.advance(5000);
    expect(late.verdict()).toMatchObject({ passing: false, failures: 3 });
    expect(late.signals.length).toBe(3);
  });

  test("a check that throws at once is a failure like any other", async () => {
    const { verdict, advance } = stage(() => {
      throw new Error("no client");
    });
    await advance(3000);
    expect(verdict()).toEqual({ passing: false, failures: 3, reason: "no client" });
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

describe("a check of the service's own", () => {
  const own = { check: "database", kind: "readiness" } as const;

  test("is asked at once, and fails until its first answer, which is no fact", async () => {
    const { verdict, advance, signals, facts } = stage(pass, own);
    expect(verdict()).toEqual({ passing: false, failures: 0, reason: "" });
    await advance(100);
    expect(verdict()).toEqual({ passing: true, failures: 0, reason: "" });
    await advance(1000);
    expect(signals.length).toBe(2);
    expect(facts).toEqual([]);
  });

  test("that hangs from the start never passes, falls at its third deadline, and no second one begins", async () => {
    const { verdict, advance, signals, facts } = stage(hang, own);
    await advance(2900);
    expect(verdict()).toMatchObject({ passing: false, failures: 2 });
    expect(facts).toEqual([]);
    await advance(200);
    expect(facts).toEqual([
      { type: "check.failed", check: "database", kind: "readiness", failures: 3, reason: expect.stringContaining("no answer") },
    ]);
    expect(signals.length).toBe(1);
  });

  test("falls and rises at thresholds of its own, each once", async () => {
    const { verdict, advance, turnTo, facts } = stage(pass, { ...own, failures: 2, successes: 3 });
    await advance(2100);
    expect(verdict().passing).toBe(true);
    turnTo(refuse);
    await advance(1000);
    expect(verdict()).toEqual({ passing: true, failures: 1, reason: "refused" });
    await advance(2000);
    expect(verdict()).toEqual({ passing: false, failures: 3, reason: "refused" });
    turnTo(pass);
    await advance(2000);
    expect(verdict().passing).toBe(false);
    await advance(1000);
    expect(verdict()).toEqual({ passing: true, failures: 0, reason: "" });
    expect(facts).toEqual([
      { type: "check.failed", check: "database", kind: "readiness", failures: 2, reason: "refused" },
      { type: "check.restored", check: "database", kind: "readiness", missed: 3 },
    ]);
  });

  test("that returns false has failed", async () => {
    const { verdict, advance } = stage(() => false, own);
    await advance(100);
    expect(verdict()).toEqual({ passing: false, failures: 1, reason: "it returned false" });
  });

  test("for liveness counts as passed until it falls", async () => {
    const { verdict, advance } = stage(refuse, { ...own, kind: "liveness" });
    expect(verdict().passing).toBe(true);
    await advance(2000);
    expect(verdict()).toMatchObject({ passing: true, failures: 2 });
    await advance(100);
    expect(verdict()).toMatchObject({ passing: false, failures: 3 });
  });

  test("ends with the first moment of stopping, though the port stays open", async () => {
    const { verdict, advance, signals, port } = stage(hang, own);
    await advance(1100);
    const before = verdict();
    port.send({ type: "service.stopping" });
    await advance(5000);
    expect(verdict()).toEqual(before);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(port.getSnapshot().hasTag("bound")).toBe(true);
  });
});

describe("liveness", () => {
  const fallen: CheckVerdict = { check: "lag", kind: "liveness", passing: false, failures: 1, reason: "stuck" };
  const judged = (isStopping: boolean, checks: readonly CheckVerdict[]) =>
    judgeLiveness({ source: Object.assign(turnedSource(), { isStopping }), checks });
  test("has the reason of a liveness check that has fallen, and of no other; a service that stops is alive", () => {
    expect(judged(false, [fallen])).toEqual({ alive: false, reason: "the check 'lag' failed: stuck, 1 time" });
    expect(judged(true, [fallen])).toEqual({ alive: true });
    expect(judged(false, [{ ...fallen, kind: "readiness" }])).toEqual({ alive: true });
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
  const parts = ({
    chart = true,
    stopping = false,
    redis = true,
    own = "passed" as "passed" | "unanswered" | "fallen",
    blockedMs = 0,
    pressure = false,
  }) => ({
    source: Object.assign(turnedSource(), {
      verdict: chart ? { ready: true } : { ready: false, reason: "starting" },
      isStopping: stopping,
    }),
    checks: [
      { check: "redis", kind: "redis", passing: redis, failures: 3, reason: "refused" },
      { check: "stuck", kind: "liveness", passing: false, failures: 3, reason: "of no meaning here" },
      { check: "database", kind: "readiness", passing: own === "passed", failures: own === "fallen" ? 3 : 0, reason: "refused" },
    ] satisfies CheckVerdict[],
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
    [{ own: "unanswered" as const }, { ready: false, reason: "the check 'database' has not been answered yet" }],
    [{ own: "fallen" as const }, { ready: false, reason: "the check 'database' failed: refused, 3 times in a row" }],
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
