/** The releases that a tier deferred, and the names of those that fail: in virtual time. */
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.ts";
import type { ReleaseFailure } from "../../src/service/hooks/releases.ts";
import { Releases } from "../../src/service/hooks/releases.ts";
import { Gates } from "../kit/gates.ts";

/** A clock whose one timer fires only when the test fires it; `asked` are the delays that were requested. */
const standing = () => {
  let time = 0;
  const timers = new Map<number, () => void>();
  const asked: number[] = [];
  const clock = {
    now: () => time,
    setTimeout: (call: () => void, ms: number) => {
      asked.push(ms);
      timers.set(asked.length, call);
      return asked.length;
    },
    clearTimeout: (timer: unknown) => void timers.delete(timer as number),
  } as unknown as Clock;
  const strike = (ms: number) => {
    time += ms;
    for (const call of timers.values()) call();
  };
  return { clock, strike, asked, timers, pass: (ms: number) => void (time += ms) };
};
const make = () => {
  const failures: ReleaseFailure[] = [];
  const hands = standing();
  return { ...hands, failures, releases: new Releases(hands.clock, (failure) => failures.push(failure)) };
};
const going = new AbortController().signal;
const hangs = () => new Promise<never>(() => {});
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the releases", () => {
  it("run last in first out, each after the one before has ended, and leave no timer", async () => {
    const { releases, timers, failures } = make();
    const seen: string[] = [];
    const slow = (name: string) => async () => {
      seen.push(name);
      await settled();
      seen.push(`${name} ended`);
    };
    expect([releases.defer(slow("first")), releases.defer(slow("second"))]).toEqual([true, true]);
    await releases.run(1000, going);
    expect(seen).toEqual(["second", "second ended", "first", "first ended"]);
    expect([timers.size, failures]).toEqual([0, []]);
  });

  it("share the remaining time evenly; a twentieth of it is reserved", async () => {
    const { releases, asked, pass } = make();
    releases.defer(() => {});
    releases.defer(() => {});
    releases.defer(() => pass(350));
    releases.defer(() => {});
    await releases.run(1000, going);
    expect(asked).toEqual([237.5, 950 / 3, 300, 600]);
  });

  it("that hang are cut at their share and named, and the next one runs", async () => {
    const { releases, failures, strike, timers } = make();
    let released = false;
    releases.defer(() => void (released = true));
    releases.defer(function closePool() {
      return hangs();
    });
    const run = releases.run(1000, going);
    strike(475);
    await run;
    expect(released).toBe(true);
    expect(failures).toEqual([
      { code: "SG_ERR_STOP_TIMEOUT", message: "the release 'closePool' did not finish within its 475 ms" },
    ]);
    expect(timers.size).toBe(0);
  });

  it("do not begin another one where the unwinding ends during one", async () => {
    const { releases, failures } = make();
    const gates = new Gates();
    let released = false;
    releases.defer(() => void (released = true));
    releases.defer(() => gates.hold("slow"));
    const run = releases.run(1000, going);
    releases.end();
    expect(released).toBe(true);
    gates.openAll();
    await run;
    expect(failures).toEqual([]);
  });

  it("that throw are named with their error, also without a name", async () => {
    const { releases, failures } = make();
    const error = new Error("was closed already");
    releases.defer(() => Promise.reject(error));
    await releases.run(1000, going);
    expect(failures).toEqual([{ code: "SG_ERR_STOP_FAILED", message: "a release failed: was closed already", cause: error }]);
  });

  it("do not begin once the signal has aborted; the end runs the rest at once", async () => {
    const { releases } = make();
    const seen: string[] = [];
    const stop = new AbortController();
    releases.defer(() => void seen.push("first"));
    releases.defer(() => stop.abort());
    await releases.run(1000, stop.signal);
    expect(seen).toEqual([]);
    releases.end();
    expect(seen).toEqual(["first"]);
  });

  it("run those that a release defers, and yield to the event loop between", async () => {
    const { releases, asked, timers } = make();
    let left = 200;
    const again = () => {
      left -= 1;
      if (left > 0) releases.defer(again);
    };
    releases.defer(again);
    let ended = false;
    const run = releases.run(1000, going).then(() => void (ended = true));
    for (let turns = 0; turns < 1000 && !ended; turns += 1) {
      await settled();
      for (const [timer, call] of [...timers]) if (asked[timer - 1] === 0) timers.delete(timer), call();
    }
    await run;
    expect([left, asked.includes(0)]).toEqual([0, true]);
  });

  it("end although one defers itself again after the end", () => {
    const { releases } = make();
    let runs = 0;
    const again = () => {
      runs += 1;
      releases.defer(again);
    };
    releases.end();
    releases.defer(again);
    expect(runs).toBe(100);
    releases.defer(again);
    expect(runs).toBe(200);
  });

  it("that are left when the unwinding ends run at once, the latest first, and so do later ones", async () => {
    const { releases, failures } = make();
    const seen: string[] = [];
    releases.defer(() => void seen.push("first"));
    releases.defer(() => void seen.push("second"));
    releases.end();
    expect(seen).toEqual(["second", "first"]);
    expect(releases.defer(() => void seen.push("late"))).toBe(false);
    expect(releases.defer(() => Promise.reject(new Error("late")))).toBe(false);
    releases.end();
    await releases.run(1000, going);
    await settled();
    expect(seen).toEqual(["second", "first", "late"]);
    expect(failures.map(({ message }) => message)).toEqual(["a release failed: late"]);
  });
});
