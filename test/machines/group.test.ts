/** The chart of a group: where each event leads, whose turn it makes it, and what a failure ends. */
import { describe, expect, it } from "vitest";
import type { AnyStateNode } from "xstate";
import { fromCallback, transition } from "xstate";
import { getStateNodes } from "xstate/graph";
import type { GroupInput, GroupSnapshot, StateMeta } from "../../machines/index.ts";
import { groupMachine, statePath, statesOf, tagsAt, waitsForOf } from "../../machines/index.ts";
import { chained, groupModel, ordered } from "../kit/group-model.ts";
import type { ModelEvent } from "../kit/model.ts";
import { declaredTransitions, graphOf, sequencesOf, walk } from "../kit/model.ts";
import type { Cue } from "../kit/story.ts";
import { story } from "../kit/story.ts";

const machine = groupMachine.provide({ actors: { member: fromCallback(() => {}) } });
const apart = { ...ordered, fail: "apart" } as const;
const worlds = [ordered, { ...chained, fail: "apart" as const }].map((input) => ({
  input,
  model: groupModel(input),
  ...graphOf(groupModel(input)),
}));

const error = new TypeError("torn");
const stop = { type: "stop", reason: "SIGTERM" };
const stopFailed = { type: "stop", reason: "uncaught: torn", error };
const running = (at: number) => ({ type: "member.running", at });
const failed = (at: number, message = "torn") => ({ type: "member.failed", at, code: "SG_ERR_RUN_FAILED", message });
const stopped = (at: number) => ({ type: "member.stopped", at });
const allRun = [{ type: "boot" }, running(0), running(1), running(2)];

const runOf = (cues: readonly Cue[], input: GroupInput = ordered) => {
  const { steps, snapshot } = story(groupMachine, input, cues);
  return { steps: steps.map((step) => step.replace(/^.*? -> /, "")), snapshot: snapshot as unknown as GroupSnapshot };
};
const placesOf = ({ context }: GroupSnapshot): string[] => context.members.map(({ place }) => place);

/** From, event, to; what is not in it is refused. The first member of three is booted, runs, fails and stops. */
const table: Record<string, Record<string, string>> = {
  planned: { boot: "booting", stop: "stopping" },
  booting: {
    stop: "stopping",
    "member.running": "booting",
    "member.failed": "stopping",
    "member.stopped": "running",
  },
  running: {
    stop: "stopping",
    "member.running": "running",
    "member.failed": "stopping",
    "member.stopped": "running",
  },
  stopping: { stop: "stopping", "member.running": "stopping", "member.failed": "stopping", "member.stopped": "stopping" },
  stopped: {},
};
const ways: Record<string, readonly Cue[]> = {
  planned: [],
  booting: [{ type: "boot" }],
  running: allRun,
  stopping: [...allRun, stop],
  stopped: [...allRun, stop, stopped(2), stopped(1), stopped(0)],
};

describe("the chart of a group", () => {
  const events: readonly ModelEvent[] = [{ type: "boot" }, stop, running(0), failed(0), stopped(0)];
  it.each(Object.keys(table))("in %s takes exactly the events of the table, and they lead exactly there", (from) => {
    const { snapshot } = runOf(ways[from]!);
    const taken = events.filter((event) => snapshot.status === "active" && snapshot.can(event as never));
    const row = taken.map((event) => [
      event.type,
      statePath((transition(machine, snapshot as never, event as never) as unknown as [GroupSnapshot])[0]),
    ]);
    expect(Object.fromEntries(row)).toEqual(table[from]);
  });

  it("takes every transition that it declares, on some path", () => {
    const taken = new Set<string>();
    for (const { model, input } of worlds)
      for (const { events: path } of sequencesOf(model)) for (const name of walk(machine, input, path)) taken.add(name);
    expect([...declaredTransitions(machine)].filter((name) => !taken.has(name))).toEqual([]);
  });

  it("describes every state, and names what it waits for; only the deadlines of the services end a wait", () => {
    const nodes = getStateNodes(groupMachine.root as never) as unknown as AnyStateNode[];
    for (const node of nodes.filter(({ parent }) => parent)) {
      expect(node.description).toMatch(/^[A-Z].*\.$/);
      expect((node.meta as StateMeta | undefined)?.deadline).toBeUndefined();
    }
    expect(waitsForOf(runOf(ways.planned!).snapshot)).toBe("boot");
    expect(waitsForOf(runOf(ways.booting!).snapshot)).toBe("all members to be running; each has deadlines of its own");
    expect(waitsForOf(runOf(ways.running!).snapshot)).toBe("a stop, or the end of all members");
    expect(waitsForOf(runOf(ways.stopping!).snapshot)).toBe("all members to stop; each has deadlines of its own");
    expect(statesOf(groupMachine).map(({ name, tone, isEnding }) => [name, tone, isEnding])).toEqual([
      ["planned", "neutral", false],
      ["booting", "neutral", false],
      ["running", "good", false],
      ["stopping", "caution", true],
      ["stopped", "neutral", true],
    ]);
    expect(groupMachine.id).toBe("group");
    expect(tagsAt(groupMachine, "stopped")).toEqual(["ending"]);
    expect(groupMachine.root.description).toMatch(/^Several services .*\.$/);
  });

  it("an actor that was not provided fails by its name", () => {
    const { member } = groupMachine.implementations.actors as unknown as Record<string, { config: () => unknown }>;
    expect(() => member!.config()).toThrow("actor 'member' was not provided");
  });
});

describe.each(worlds)("a group that fails $input.fail", ({ states, edges, reach, input }) => {
  it("never has a member boot before all that it comes after have been running", () => {
    for (const { context } of states)
      for (const { place, hasRun, after } of context.members)
        if (place === "booting" || hasRun) expect(after.every((at) => context.members[at]!.hasRun)).toBe(true);
  });

  it("sends no member stop before all that come after it have stopped, and none boot afterwards", () => {
    for (const { from, to } of edges)
      for (const [at, { place }] of to.context.members.entries()) {
        const before = from.context.members[at]!.place;
        if (place === "stopping" && before !== "stopping")
          for (const other of to.context.members)
            if (other.after.includes(at)) expect(other.place, JSON.stringify(to.context.members)).toBe("stopped");
        if (before === "stopping" || before === "stopped") expect(["stopping", "stopped"]).toContain(place);
      }
  });

  it("ends once its members have, wherever it is, and leaves none without a command that it waits for", () => {
    const takes = ({ event }: { event: ModelEvent }) => event.type === "member.stopped";
    for (const snapshot of states.filter(({ tags }) => tags.has("ending")))
      expect(
        reach(snapshot, { takes }).some(({ status }) => status === "done"),
        JSON.stringify(snapshot.context),
      ).toBe(true);
    // a stop leads to the end by the answers of the members alone
    for (const { to, event } of edges.filter((edge) => edge.event.type === "stop"))
      expect(
        reach(to, { takes }).some(({ status }) => status === "done"),
        event.type,
      ).toBe(true);
    expect(input.members).toHaveLength(3);
  });
});

describe("a group, step by step", () => {
  it("has every member wait at first", () => {
    expect(placesOf(runOf([]).snapshot)).toEqual(["waiting", "waiting", "waiting"]);
  });

  it("boots in order, and stops in the reverse", () => {
    expect(runOf([...allRun, stop, stopped(2), stopped(1), stopped(0)]).steps).toEqual([
      'planned | start member.0 {"at":0} | start member.1 {"at":1} | start member.2 {"at":2}',
      "booting | member.0 <- boot",
      "booting | member.1 <- boot | member.2 <- boot",
      "booting",
      "running",
      "stopping | member.1 <- stop SIGTERM | member.2 <- stop SIGTERM",
      "stopping",
      "stopping | member.0 <- stop SIGTERM",
      "stopped | stop member.0 | stop member.1 | stop member.2",
    ]);
  });

  it("stops what has not booted, where a stop comes first", () => {
    const { steps, snapshot } = runOf([stop, stopped(1), stopped(2)]);
    expect(steps.slice(1)).toEqual([
      "stopping | member.1 <- stop SIGTERM | member.2 <- stop SIGTERM",
      "stopping",
      "stopping | member.0 <- stop SIGTERM",
    ]);
    expect(placesOf(snapshot)).toEqual(["stopping", "stopped", "stopped"]);
  });

  it("by a failure stops all, the member that failed in its turn; the first failure stays", () => {
    const { steps, snapshot } = runOf([...allRun, failed(1), failed(0, "later"), stopped(1), stopped(2), stopped(0)]);
    expect(steps.slice(5)).toEqual([
      "stopping | member.1 <- stop orders failed | member.2 <- stop orders failed",
      "stopping",
      "stopping",
      "stopping | member.0 <- stop orders failed",
      "stopped | stop member.0 | stop member.1 | stop member.2",
    ]);
    expect(snapshot.output).toEqual({ cause: { at: 1, code: "SG_ERR_RUN_FAILED", message: "torn" } });
  });

  it("apart, by a failure stops what comes after it, directly or not, and goes on with the others", () => {
    const chain: GroupInput = {
      members: [["db"], ["orders", 0], ["web", 1], ["other"]].map(([name, ...after]) => ({ name, after })) as never,
      fail: "apart",
    };
    const { steps, snapshot } = runOf([{ type: "boot" }, running(3), running(0), failed(0), failed(3), stop], chain);
    expect(steps.slice(1)).toEqual([
      "booting | member.0 <- boot | member.3 <- boot",
      "booting",
      "booting | member.1 <- boot",
      "running | member.2 <- stop db failed",
      "running | member.3 <- stop other failed",
      "stopping",
    ]);
    expect(placesOf(snapshot)).toEqual(["running", "booting", "stopping", "stopping"]);
    expect(snapshot.context.cause?.at).toBe(0);
    expect(runOf([{ type: "boot" }, failed(0), stopped(1), stopped(2), stopped(0)], apart).steps.slice(-1)).toEqual([
      "stopped | stop member.0 | stop member.1 | stop member.2",
    ]);
  });

  it("keeps from booting what comes after a member that stopped before it was running", () => {
    expect(runOf([{ type: "boot" }, stopped(0)]).steps.at(-1)).toBe(
      "running | member.1 <- stop db has stopped before it was running | member.2 <- stop db has stopped before it was running",
    );
    expect(runOf([{ type: "boot" }, running(0), stopped(0)]).steps.at(-1)).toBe("booting");
  });

  it("passes the error of a later stop on: at once to those that stop, in their turn to the others", () => {
    const cues = [...allRun, stop, stopped(2), stopFailed];
    expect(runOf(cues).steps.at(-1)).toBe("stopping | member.1 <- stop uncaught: torn {}");
    expect(runOf([...cues, stopped(1)]).steps.at(-1)).toBe("stopping | member.0 <- stop SIGTERM {}");
    expect(runOf([...allRun, stop, { ...stop, reason: "SIGINT" }, stopped(1), stopped(2)]).steps.slice(6)).toEqual([
      "stopping",
      "stopping",
      "stopping | member.0 <- stop SIGTERM",
    ]);
  });

  it("leaves a member that comes to run after it was sent stop where it is", () => {
    expect(placesOf(runOf([{ type: "boot" }, running(0), stop, running(1)]).snapshot)).toEqual([
      "running",
      "stopping",
      "stopping",
    ]);
  });
});
