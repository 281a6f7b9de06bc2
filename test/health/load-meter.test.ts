/** The load of the event loop, measured without Fastify. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { afterEach, expect, test, vi } from "vitest";
import { LoadMeter } from "../../src/health/load-meter.ts";

vi.mock("../../src/clock.ts", async (original) => ({
  ...(await original<object>()),
  every: (await import("../kit/global-timers.ts")).every,
}));
vi.mock("node:perf_hooks", () => ({
  monitorEventLoopDelay: vi.fn(() => histogram),
  performance: { eventLoopUtilization: vi.fn((now?: object) => ({ utilization: now === undefined ? 0 : 0.25 })) },
}));

const histogram = { mean: 0, enable: vi.fn(), disable: vi.fn(), reset: vi.fn() };
const meters: LoadMeter[] = [];
const create = () => {
  vi.useFakeTimers();
  const meter = new LoadMeter({ maxDelayMs: 100, sampleMs: 1000 });
  meters.push(meter);
  return meter;
};

afterEach(() => {
  for (const meter of meters.splice(0)) meter.stop();
  vi.useRealTimers();
  vi.clearAllMocks();
});

test("a meter measures nothing before the first question, and starts once", () => {
  const meter = create();
  expect(meter.isUnderPressure).toBe(false);
  expect([vi.getTimerCount(), vi.mocked(monitorEventLoopDelay).mock.calls]).toEqual([0, []]);
  expect(meter.load).toEqual({ eventLoopDelay: 0, eventLoopUtilized: 0 });
  expect(meter.load).toEqual({ eventLoopDelay: 0, eventLoopUtilized: 0 });
  expect([vi.getTimerCount(), vi.mocked(monitorEventLoopDelay).mock.calls.length]).toEqual([1, 1]);
});

test.each([
  ["the mean without the resolution", 60, 50, false],
  ["none, where the mean is below the resolution", 9, 0, false],
  ["no pressure at the limit", 110, 100, false],
  ["pressure above the limit", 111, 101, true],
  ["infinite, where the loop came round not once", Number.NaN, Number.POSITIVE_INFINITY, true],
])("the delay of an interval is %s", (_, meanMs, eventLoopDelay, isUnderPressure) => {
  const meter = create();
  void meter.load;
  histogram.mean = meanMs * 1e6;
  vi.advanceTimersByTime(1000);
  expect(meter.load).toEqual({ eventLoopDelay, eventLoopUtilized: 0.25 });
  expect([meter.isUnderPressure, histogram.reset.mock.calls.length]).toEqual([isUnderPressure, 1]);
});

test("a meter that is stopped leaves no timer and no histogram, also where it never started", () => {
  const [idle, used] = [create(), create()];
  void used.load;
  for (const meter of [idle, used, used]) meter.stop();
  expect([vi.getTimerCount(), histogram.disable.mock.calls.length]).toEqual([0, 2]);
  expect(vi.mocked(performance.eventLoopUtilization)).toHaveBeenCalledOnce();
});
