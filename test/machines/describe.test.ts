/** The descriptions of a chart's states, as the inspector, `/status` and the CLI read them. */
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot } from "xstate";
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
