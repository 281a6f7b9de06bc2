/** The descriptions of a chart's states, as the inspector, `/status` and the CLI read them. */
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot } from "xstate";
import { setup } from "xstate";
import {
  deadlineOf,
  descriptionOf,
  hasStopped,
  isBooting,
  isChartPhase,
  isRunning,
  isStopping,
  leaseMachine,
  lifecycleMachine,
  lifePartOf,
  stateNames,
  statesOf,
  tagsAt,
  takesWork,
  waitsForAt,
  waitsForOf,
} from "../../machines/index.ts";
import type { Cue } from "../kit/story.ts";
import { story } from "../kit/story.ts";

const shutdown = { type: "shutdown", reason: "asked" };
const began = (phase: string) => ({ type: "phase.began", phase });
const toStarting: Cue[] = ["boot", "after bootJitter", "pingRedis done"];
const at = (...cues: Cue[]): AnyMachineSnapshot => {
  const { snapshot } = story(lifecycleMachine, { now: () => 500, random: () => 0.5 }, cues, () => {});
  return snapshot as unknown as AnyMachineSnapshot;
};

describe("what a service waits for", () => {
  it.each<[string, AnyMachineSnapshot, string]>([
    ["in init", at(), "boot"],
    ["in an attempt, with its number", at("boot", "after bootJitter"), "Redis to answer PING, attempt 1 of 3"],
    ["in starting, with the tier's own phase", at(...toStarting, began("starting.tools")), "the tier's onStart, tools"],
    ["in starting without a phase", at(...toStarting), "the tier's onStart"],
    ["in stopping", at(...toStarting, shutdown), "load balancers to notice"],
  ])("%s", (_, snapshot, text) => {
    expect(waitsForOf(snapshot)).toBe(text);
  });

  it("is known by the path alone, too", () => {
    expect(waitsForAt(lifecycleMachine, "pinging.attempt")).toBe("Redis to answer PING");
    expect(waitsForAt(leaseMachine, "lost.registering")).toBe("the entry to be written again");
    expect(waitsForAt(lifecycleMachine, "nowhere.at.all")).toBe("");
    expect(waitsForAt(lifecycleMachine, "constructor.prototype")).toBe("");
  });

  it("stands with the tags of the states around it, by the path alone", () => {
    expect(tagsAt(lifecycleMachine, "stopping.draining")).toEqual(["stopping"]);
    expect(["healthy.opening", "healthy.ready", "init", "__proto__"].map((path) => tagsAt(lifecycleMachine, path))).toEqual([
      ["booting"],
      ["ready"],
      [],
      [],
    ]);
  });

  it("is described in a sentence, the innermost state's", () => {
    expect(descriptionOf(at("boot", "after bootJitter"))).toBe("Sends one PING.");
    expect(descriptionOf(at("boot"))).toBe("Waits a random time, so that replicas do not boot in step.");
  });
});

describe("the deadline of a state", () => {
  it("has the name and the length of the delay that ends the state", () => {
    expect(deadlineOf(at(...toStarting))).toEqual({ name: "startTimeout", ms: 60_000 });
  });
  it("is the random delay as it was drawn", () => {
    expect(deadlineOf(at("boot"))).toEqual({ name: "bootJitter", ms: 1000 });
  });
  it("is what was left of the budget when the state was entered, whatever is begun since", () => {
    const stopping = at(...toStarting, shutdown, "after drainDelay", { type: "release.owed" }, "drainTier done");
    expect(deadlineOf(stopping)).toEqual({ name: "stopTimeout", ms: 6000 });
    expect(deadlineOf(at(...toStarting, shutdown, "after drainDelay", "drainTier done", { type: "release.owed" }))?.ms).toBe(
      8000,
    );
  });
  it("is absent where only an event ends the state", () => {
    expect(deadlineOf(at())).toBeUndefined();
  });
});

describe("a chart of which little is known", () => {
  const chart = setup({
    types: {} as { context: { now: () => number; random: () => number } },
    delays: { drawn: ({ context }) => 100 * context.random(), clocked: ({ context }) => context.now(), fixed: 40 },
  }).createMachine({
    initial: "outer",
    context: { now: () => 7, random: () => 0.5 },
    states: {
      outer: {
        description: "Outer.",
        meta: { waitsFor: "what is outside", deadline: "drawn", tone: "caution" },
        initial: "inner",
        states: { inner: {} },
      },
      bare: {},
      fixed: { meta: { deadline: "fixed" } },
      clocked: { meta: { deadline: "clocked" } },
      unknown: { meta: { deadline: "unknown" } },
      leaving: { tags: "ending" },
      left: { type: "final" },
    },
  });
  const place = (value: string | Readonly<Record<string, string>>): AnyMachineSnapshot =>
    chart.resolveState({ value: value as never, context: { now: () => 7, random: () => 0.5 } });
  const inner = place({ outer: "inner" });

  it("has for a state without words those of the states around it, and none where these have none", () => {
    expect([descriptionOf(inner), waitsForOf(inner), waitsForAt(chart, "outer.inner")]).toEqual([
      "Outer.",
      "what is outside",
      "what is outside",
    ]);
    const bare = place("bare");
    expect([descriptionOf(bare), waitsForOf(bare), waitsForAt(chart, "bare"), deadlineOf(bare)]).toEqual(["", "", "", undefined]);
  });

  it("has each top-level state in the list, neutral and without a description where it has none; two of them are ends", () => {
    const neutral = { description: "", tone: "neutral", isEnding: false };
    expect(statesOf(chart)).toEqual([
      { name: "outer", description: "Outer.", tone: "caution", isEnding: false },
      ...["bare", "fixed", "clocked", "unknown"].map((name) => ({ ...neutral, name })),
      ...["leaving", "left"].map((name) => ({ ...neutral, name, isEnding: true })),
    ]);
  });

  it("has deadlines: a drawn one at its longest, one by the clock as it was or is, a fixed one, and none that is not declared", () => {
    expect(deadlineOf(inner)).toEqual({ name: "drawn", ms: 100 });
    expect([deadlineOf(place("clocked"))?.ms, deadlineOf(place("clocked"), 3)?.ms]).toEqual([7, 3]);
    expect([deadlineOf(place("fixed"))?.ms, deadlineOf(place("unknown"))?.ms]).toEqual([40, 0]);
  });
});

describe("the part of a life", () => {
  it("is known of every state, path and phase, and of no other word", () => {
    expect(stateNames.map(lifePartOf)).toEqual([...Array<string>(6).fill("boot"), "run", "stop", "stop"]);
    expect([lifePartOf("healthy.opening"), lifePartOf("starting.tools"), lifePartOf("stopping.draining")]).toEqual([
      "boot",
      "boot",
      "stop",
    ]);
    expect(["backingOff", "", "toString"].map(lifePartOf)).toEqual([undefined, undefined, undefined]);
  });
  it("divides the nine states among the predicates", () => {
    expect(stateNames.filter(isBooting)).toEqual(["jitter", "pinging", "starting", "registering", "healthy"]);
    expect(stateNames.filter(isRunning)).toEqual(["running"]);
    expect(stateNames.filter(isStopping)).toEqual(["stopping"]);
    expect(stateNames.filter(hasStopped)).toEqual(["stopped"]);
    expect(stateNames.filter(takesWork)).toEqual(["healthy", "running"]);
  });
  it("distinguishes the chart's phases from a tier's own", () => {
    expect(["starting", "stopping.draining", "starting.tools"].map(isChartPhase)).toEqual([true, true, false]);
  });
});
