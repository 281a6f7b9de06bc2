/** The chart of a group as a model: three services in an order. */
import { fromCallback } from "xstate";
import type { GroupInput, GroupSnapshot } from "../../machines/index.ts";
import { groupMachine } from "../../machines/index.ts";
import type { Model, ModelEvent } from "./model.ts";

/** `orders` and `web` come after `db`. */
export const ordered: GroupInput = {
  members: [
    { name: "db", after: [] },
    { name: "orders", after: [0] },
    { name: "web", after: [0] },
  ],
  fail: "together",
};

/** Each comes after the one before. */
export const chained: GroupInput = {
  members: [
    { name: "db", after: [] },
    { name: "orders", after: [0] },
    { name: "web", after: [1] },
  ],
  fail: "together",
};

const places = ({ context }: GroupSnapshot, ...wanted: readonly string[]): number[] =>
  context.members.flatMap(({ place }, at) => (wanted.includes(place) ? [at] : []));
/** A service that was stopped before it booted has no hook that fails. */
const hasBegun = ({ context: { members, cause } }: GroupSnapshot, at: number): boolean =>
  members[at]!.place !== "stopping" || members[at]!.hasRun || cause?.at === at;
/** distinguishes the events of the members in the name of an arrow */
const of = (event: ModelEvent, at: number): ModelEvent => ({ ...event, at, output: { type: String(at) } });

/** Offers what real services can do: one that booted runs, fails or stops. */
export const groupModel = (input: GroupInput): Model<GroupSnapshot> => ({
  machine: groupMachine.provide({ actors: { member: fromCallback(() => {}) } }) as never,
  input,
  key: ({ value, context }) => [
    value,
    context.cause?.at,
    context.members.map(({ place, hasRun, end }) => [place, hasRun, end?.reason]),
  ],
  payloads: {
    stop: () => [{ type: "stop", reason: "SIGTERM" }],
    "member.running": (snapshot) =>
      places(snapshot, "booting")
        .filter((at) => snapshot.context.cause?.at !== at)
        .map((at) => of({ type: "member.running" }, at)),
    "member.failed": (snapshot) =>
      places(snapshot, "booting", "running", "stopping")
        .filter((at) => hasBegun(snapshot, at) && (snapshot.context.cause?.at ?? at) === at)
        .map((at) => of({ type: "member.failed", code: "SG_ERR_RUN_FAILED", message: "run failed: model" }, at)),
    "member.stopped": (snapshot) =>
      places(snapshot, "booting", "running", "stopping").map((at) => of({ type: "member.stopped" }, at)),
  },
});
