/** The specification of a message's life: every state, every arrow, and the arrows that there must not be. */
import { describe, expect, it } from "vitest";
import type { AnyStateNode } from "xstate";
import { getStateNodes } from "xstate/graph";
import type { MessageSnapshot, StateMeta } from "../../machines/index.ts";
import { messageMachine, statesOf } from "../../machines/index.ts";
import { declaredTransitions, graphOf } from "../kit/model.ts";

const nodes = (getStateNodes(messageMachine.root as never) as unknown as AnyStateNode[]).filter(({ parent }) => parent);
const world = graphOf<MessageSnapshot>({ machine: messageMachine, input: undefined, key: ({ value }) => value, payloads: {} });

describe("the life of a message", () => {
  it("has exactly these arrows", () => {
    const arrows = world.edges.map(({ from, event, to }) => `${from.value}: ${event.type} -> ${to.value}`).sort();
    expect(arrows).toEqual([
      "accepted: claim.routed -> waiting",
      "accepted: claim.taken -> working",
      "buried: drop -> dropped",
      "buried: replay -> replayed",
      "resting: rest.ended -> waiting",
      "waiting: claim.taken -> working",
      "waiting: settle.passed -> working",
      "working: claim.retaken -> working",
      "working: giveUp.failed -> resting",
      "working: giveUp.handedBack -> waiting",
      "working: renew -> working",
      "working: settle.answered -> answered",
      "working: settle.buried -> buried",
    ]);
    expect(declaredTransitions(messageMachine).size).toBe(arrows.length);
  });

  it("ends as an answer, or by a person's hand", () => {
    const ends = world.states.filter(({ status }) => status === "done").map(({ value }) => value);
    expect(ends.sort()).toEqual(["answered", "dropped", "replayed"]);
    for (const state of world.states) expect(world.reach(state).some(({ status }) => status === "done")).toBe(true);
  });

  it.each(nodes.map((node) => [node.key, node] as const))(
    "%s has a description, and what it waits for",
    (_, { description, meta, type }) => {
      expect(description).toMatch(/^[A-Z].*\.$/);
      if (type !== "final") expect((meta as StateMeta).waitsFor).toEqual(expect.stringMatching(/\w+ \w+/));
    },
  );

  it("has the id by which its drawings and transitions name it", () => {
    expect(messageMachine.id).toBe("message");
    expect(nodes.every(({ id, key }) => id === `message.${key}`)).toBe(true);
  });

  it("is well while it works and when it is answered", () => {
    const tones = statesOf(messageMachine).map(({ name, tone }) => [name, tone]);
    expect(tones.filter(([, tone]) => tone !== "neutral")).toEqual([
      ["working", "good"],
      ["resting", "caution"],
      ["answered", "good"],
      ["buried", "bad"],
    ]);
    expect(messageMachine.root.description).toMatch(/^A message that was accepted .*\.$/);
  });
});
