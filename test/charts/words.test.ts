/** How arrows are read in a picture: which events become one word, and which words share a line. */
import { expect, it } from "vitest";
import type { AnyStateMachine } from "xstate";
import { createMachine } from "xstate";
import { chartOf } from "../../src/charts/graph.ts";
import { bundlesOf, kindOfLine, reactionsOf, textOf } from "../../src/charts/words.ts";

const never = { src: "work" as const, id: "work" };
const chartWith = (state: object) => {
  const config = { id: "chart", initial: "here", states: { here: state, there: {}, elsewhere: {} } };
  return chartOf(createMachine(config as never) as AnyStateMachine);
};
const wordsTo = (state: object, target = "there"): string[] =>
  bundlesOf(chartWith(state))
    .find((bundle) => bundle.target === `chart.${target}`)!
    .words.map(textOf);

it.each([
  [
    "how an actor ends is one word",
    { invoke: { ...never, onDone: "there", onError: "there" }, after: { limit: "there" } },
    ["done, error or deadline"],
  ],
  ["a deadline alone keeps its name", { after: { limit: "there" } }, ["after limit"]],
  ["an ending of another actor keeps the actor's name", { on: { "xstate.error.actor.child": "there" } }, ["child error"]],
  [
    "endings with unlike guards stay apart",
    { invoke: { ...never, onDone: { guard: "isOk", target: "there" }, onError: "there" } },
    ["done [isOk]", "error"],
  ],
  ["facts of one family are one word", { on: { "lease.held": "there", "lease.lost": "there" } }, ["lease.held or lost"]],
  ["facts of two families stay apart", { on: { "lease.held": "there", "redis.lost": "there" } }, ["lease.held", "redis.lost"]],
  ["a wildcard stays apart", { on: { "lease.held": "there", "lease.*": "there" } }, ["lease.held", "lease.*"]],
  ["commands stay apart", { on: { stop: "there", kill: "there" } }, ["stop", "kill"]],
  [
    "guards of one event stay apart",
    {
      on: {
        stop: [
          { guard: "isOne", target: "there" },
          { guard: "isTwo", target: "there" },
        ],
      },
    },
    ["stop [isOne]", "stop [isTwo]"],
  ],
  [
    "an arrow without a guard makes the guarded one needless",
    { on: { stop: [{ guard: "isOne", target: "there" }, { target: "there" }] } },
    ["stop"],
  ],
  [
    "the last of several is the else",
    { on: { stop: [{ guard: "isOne", target: "elsewhere" }, { target: "there" }] } },
    ["stop [else]"],
  ],
])("%s", (_claim, state, words) => {
  expect(wordsTo(state)).toEqual(words);
});

it("a word names every arrow that it stands for, and every event on hover", () => {
  const [bundle] = bundlesOf(chartWith({ invoke: { ...never, onDone: "there", onError: "there" }, after: { limit: "there" } }));
  expect(bundle!.words[0]).toMatchObject({ kind: "mixed", title: "work done\nwork error\nafter limit" });
  expect(bundle!.words[0]!.ids).toHaveLength(3);
  expect(kindOfLine(bundle!.words)).toBe("done");
});

it("an arrow that leads back to its own state is a reaction and not a line", () => {
  const chart = chartWith({ on: { again: { target: "here", reenter: true }, note: { actions: "noted" } } });
  expect(bundlesOf(chart)).toEqual([]);
  expect(reactionsOf(chart.states[0]!, chart).map(textOf)).toEqual(["again", "note"]);
});
