/** The ids of companions, by which a service's chart knows them among its children and as they end. */
import { expect, it } from "vitest";
import type { AnyActorRef } from "xstate";
import { companionId, companionsAmong, endedCompanion } from "../../machines/companion.ts";

const id = companionId("leadership.summaries", 2);

it("a companion has its name and its number in its id, which the event of its end carries", () => {
  expect(id).toBe("companion.leadership.summaries.2");
  expect(endedCompanion({ type: `xstate.done.actor.${id}` })).toBe(id);
  expect(endedCompanion({ type: `xstate.error.actor.${id}` })).toBe(id);
});

it("among the children of a service only those with a companion's id are companions, and none where there are no children", () => {
  const children = Object.fromEntries(["lease", id, "runTier"].map((own) => [own, { id: own } as AnyActorRef]));
  expect(companionsAmong({ ...children, ended: undefined })).toEqual([children[id]]);
  expect(companionsAmong(undefined)).toEqual([]);
});
