/** 2,000 fixed seeds of the whole service in virtual time, and the proof that the invariants notice what they are there for. */
import { beforeAll, describe, expect, it } from "vitest";
import type { AnyStateMachine } from "xstate";
import { getStateNodes } from "xstate/graph";
import { leaseMachine, lifecycleMachine, stateNames } from "../../machines/index.ts";
import { invariants } from "./invariants.ts";
import { live } from "./life.ts";
import type { RunResult } from "./run.ts";
import { simulate } from "./run.ts";
import { Tally } from "./tally.ts";
import { Uncaught } from "./uncaught.ts";

const seeds = 2000;

const leavesOf = (machine: AnyStateMachine): string[] =>
  getStateNodes(machine.root)
    .filter((node) => Object.keys(node.states).length === 0)
    .map((node) => node.path.join("."));

const liveOnce = async (seed: number, isReadable: boolean) => {
  const uncaught = new Uncaught();
  const life = await live({ seed, tally: new Tally(), uncaught, isReadable });
  uncaught.close();
  return life;
};

describe(`${seeds} seeds of the whole service in virtual time`, () => {
  let result: RunResult;

  beforeAll(async () => {
    result = await simulate({ from: 0, seeds });
    console.log(
      `${result.lifecycles} lifecycles, ${(result.virtualMs / 3_600_000).toFixed(0)} virtual hours, hash ${result.hash}`,
    );
  }, 120_000);

  it(`break none of ${invariants.length} invariants`, () => {
    expect(result.broken).toEqual([]);
    expect(result.seeds).toBe(seeds);
  });

  it("pass through every state of both charts that is seen", () => {
    // left within one step of the chart, so never seen
    const unseen = ["pinging.judging"];
    const seen = (counts: Record<string, number>) => Object.keys(counts).sort();
    expect(seen(result.counts.states)).toEqual(
      leavesOf(lifecycleMachine)
        .filter((path) => !unseen.includes(path))
        .sort(),
    );
    expect(leavesOf(leaseMachine).filter((path) => result.counts.leases[path] === undefined)).toEqual([]);
    for (const state of stateNames) expect(seen(result.counts.states).some((path) => path.startsWith(state))).toBe(true);
  });

  it("meet every kind of end and of fault", () => {
    expect(Object.keys(result.counts.outcomes).sort()).toEqual(["completed", "crashed", "failed", "shutdown"]);
    for (const fault of ["command lost", "reply lost", "command late", "command refused", "connection refused", "redis: freeze"])
      expect(result.counts.faults[fault], fault).toBeGreaterThan(0);
    for (const fault of ["redis: flush", "redis: kill", "process paused", "process killed", "onStop hangs", "a release hangs"])
      expect(result.counts.faults[fault], fault).toBeGreaterThan(0);
  });
});

describe("a seed", () => {
  it("lives the same life again, step by step, read or not", async () => {
    for (const seed of [3, 141, 592]) {
      const [unread, read, again] = [await liveOnce(seed, false), await liveOnce(seed, true), await liveOnce(seed, true)];
      expect(read.hash).toBe(unread.hash);
      expect(again.lines).toEqual(read.lines);
      expect(read.steps).toBe(unread.steps);
    }
  });
});

describe("F39: the wall clock", () => {
  it("is set in every state that is seen, and by every step", async () => {
    const tally = new Tally();
    const uncaught = new Uncaught();
    for (let seed = 0; seed < 200; seed += 1) await live({ seed, tally, uncaught });
    uncaught.close();
    const { states, faults } = tally.counts;
    const set = (how: RegExp) => Object.keys(faults).flatMap((what) => how.exec(what)?.[1] ?? []);
    const steps = set(/^wall clock set by (.+) ms$/).map(Number);
    expect(steps.sort((a, b) => a - b)).toEqual([-3_600_000, -60_000, -500, 500, 60_000, 3_600_000]);
    expect(set(/^wall clock set in (.+)$/).sort()).toEqual(Object.keys(states).sort());
  });

  it("decides nothing: each life is the same, to the microsecond, where it is never set", async () => {
    const hashOf = async (seed: number, isClockSet: boolean) => {
      const uncaught = new Uncaught();
      const { hash } = await live({ seed, tally: new Tally(), uncaught, isClockSet });
      uncaught.close();
      return hash;
    };
    for (let seed = 0; seed < 150; seed += 1) expect([seed, await hashOf(seed, true)]).toEqual([seed, await hashOf(seed, false)]);
  });
});

describe("the invariants", () => {
  it("notice a registry that ignores deregistration", async () => {
    const { broken } = await simulate({ from: 0, seeds: 4000, violationLimit: 1, hasTombstones: false });
    const names = broken.flatMap(({ violations }) => violations.map(({ invariant }) => invariant));
    expect(names).toContain("no write of an old incarnation succeeds");
  }, 120_000);
});
