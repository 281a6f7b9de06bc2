/** The deadline of each state of the lifecycle, beside the timer that the clock of its actor was really asked for. */
import { describe, expect, it } from "vitest";
import type { AnyStateNode } from "xstate";
import { createActor } from "xstate";
import type { LifecycleEvent, LifecycleSettings } from "../../machines/index.ts";
import { deadlineOf, lifecycleMachine, statePath } from "../../machines/index.ts";
import { silentLifecycle } from "../../src/flight/drive.ts";

/** A clock whose timers are kept, not run. */
class KeptClock {
  time = 0;
  readonly timers = new Map<number, { readonly fn: () => void; readonly ms: number }>();
  #ids = 0;
  setTimeout = (fn: () => void, ms: number): number => {
    this.#ids += 1;
    this.timers.set(this.#ids, { fn, ms });
    return this.#ids;
  };
  clearTimeout = (id: number): void => void this.timers.delete(id);
  /** Runs the one timer that is set. */
  fire(): void {
    const [timer] = this.timers;
    if (timer === undefined) throw new Error("no timer is set");
    this.timers.delete(timer[0]);
    timer[1].fn();
  }
}

const done = (actor: string) => ({ type: `xstate.done.actor.${actor}` });
const error = (actor: string) => ({ type: `xstate.error.actor.${actor}`, error: new Error("trouble") });
type Cue = "timer" | { readonly type: string; readonly [key: string]: unknown };
const shutdown = { type: "shutdown", reason: "asked" };
const began = (phase: string) => ({ type: "phase.began", phase });
const owed = { type: "release.owed" };

/** Plays a life in which each cue comes 7.3 ms later, and compares after each one. Returns the paths that it was in. */
const comparedOn = (settings: Partial<LifecycleSettings>, cues: readonly Cue[]): string[] => {
  const clock = new KeptClock();
  let draws = 0;
  const random = () => {
    draws += 1;
    return (draws * 0.37) % 1;
  };
  const input = { settings, random, now: () => clock.time, epochNow: () => 0 };
  const actor = createActor(silentLifecycle, { input, clock: clock as never });
  actor.start();
  const paths: string[] = [];
  const compare = () => {
    const snapshot = actor.getSnapshot();
    const path = statePath(snapshot);
    paths.push(path);
    const set = [...clock.timers.values()].map(({ ms }) => ms);
    expect([path, deadlineOf(snapshot)?.ms]).toEqual([path, set[0]]);
    expect(set.length).toBeLessThan(2);
  };
  compare();
  for (const cue of cues) {
    clock.time += 7.3;
    if (cue === "timer") clock.fire();
    else actor.send(cue as LifecycleEvent);
    compare();
  }
  actor.stop();
  return paths;
};

const toReady: readonly Cue[] = [
  ...[{ type: "boot" }, "timer", error("pingRedis"), "timer", done("pingRedis")],
  ...[began("starting.model"), owed, done("startTier"), { type: "lease.held" }, done("openHealth")],
] as Cue[];
const toUnwinding: readonly Cue[] = [shutdown, "timer", done("closeHealth"), { type: "lease.released" }, "timer"];

const lives: readonly [string, Partial<LifecycleSettings>, readonly Cue[]][] = [
  [
    "where all goes well",
    {},
    [
      ...toReady,
      { type: "run" },
      began("running.job"),
      ...toUnwinding,
      done("stopTier"),
      done("releaseTier"),
      done("closeRedis"),
    ],
  ],
  [
    "on its deadlines alone",
    { shutdownTimeoutMs: 9000 },
    [{ type: "boot" }, "timer", "timer", "timer", done("pingRedis"), ...Array<Cue>(5).fill("timer")],
  ],
  [
    "whose port closes last, with releases that are owed while onStop runs",
    { closeHealth: "last", drainDelayMs: 300 },
    [
      ...toReady.filter((cue) => cue !== owed),
      shutdown,
      "timer",
      { type: "lease.released" },
      "timer",
      owed,
      "timer",
      "timer",
      "timer",
      "timer",
    ],
  ],
  [
    "without Redis and without a health port",
    { hasRedis: false, hasHealth: false },
    [{ type: "boot" }, "timer", done("pingRedis"), done("startTier"), "timer", shutdown, "timer", "timer", "timer"],
  ],
];

/** The innermost states that a life can be in: a state that is left at once, or the last one, has no time to wait. */
const leaves = (node: AnyStateNode): string[] => {
  const below = Object.values(node.states);
  if (below.length > 0) return below.flatMap(leaves);
  return node.type === "final" || node.path.at(-1) === "judging" ? [] : [node.path.join(".")];
};

describe("the deadline of a state is the timer that the chart has set", () => {
  it.each(lives)("in a life %s", (_, settings, cues) => {
    expect(comparedOn(settings, cues).length).toBe(cues.length + 1);
  });

  it("in every state of the chart", () => {
    const seen = new Set(lives.flatMap(([, settings, cues]) => comparedOn(settings, cues)));
    expect(leaves(lifecycleMachine.root as never).filter((path) => !seen.has(path))).toEqual([]);
  });
});
