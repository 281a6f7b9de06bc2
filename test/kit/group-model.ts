/** The chart of a group as a model: three services, of which two come after the first. */
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

const places = ({ context }: GroupSnapshot, ...wanted: readonly string[]): number[] =>
  context.members.flatMap(({ place }, at) => (wanted.includes(place) ? [at] : []));
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
    "member.running": (snapshot) => places(snapshot, "booting").map((at) => of({ type: "member.running" }, at)),
    "member.failed": (snapshot) =>
      places(snapshot, "booting", "running", "stopping")
        .filter((at) => snapshot.context.cause === undefined || snapshot.context.cause.at === at)
        .map((at) => of({ type: "member.failed", code: "SG_ERR_RUN_FAILED", message: "run failed: model" }, at)),
    "member.stopped": (snapshot) =>
      places(snapshot, "booting", "running", "stopping").map((at) => of({ type: "member.stopped" }, at)),
  },
});
