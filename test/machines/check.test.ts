/** The chart of a check: where each answer and each miss lead, and what the port gets of it. */
import { describe, expect, it } from "vitest";
import type { AnyStateMachine } from "xstate";
import { createActor, fromCallback, fromTransition } from "xstate";
import { firstVerdict } from "../../machines/check.machine.ts";
import type { CheckEvent, CheckJudged, CheckSettings } from "../../machines/index.ts";
import { checkMachine, statePath, statesOf } from "../../machines/index.ts";
import { chartOf } from "../../src/charts/graph.ts";

const machine = checkMachine.provide({ actors: { checkSchedule: fromCallback(() => {}) } });
const missed: CheckEvent = { type: "check.missed", reason: "refused" };
const answered: CheckEvent = { type: "check.answered" };

/** Where the events have led, one place for each, and what the port got. */
const play = (events: readonly CheckEvent[], own: Partial<CheckSettings> = {}) => {
  const judged: Omit<CheckJudged, "type">[] = [];
  const parent = createActor(
    fromTransition((_, { type, ...rest }: CheckJudged) => void (type === "check.judged" && judged.push(rest)), undefined),
  ).start();
  const settings: CheckSettings = { check: "database", kind: "readiness", failures: 3, successes: 1, ...own };
  const actor = createActor(machine, { input: { ...settings, parent } }).start();
  const places = [statePath(actor.getSnapshot())];
  for (const event of events) {
    actor.send(event);
    places.push(statePath(actor.getSnapshot()));
  }
  return { places, judged };
};
const name = { check: "database", kind: "readiness" } as const;

describe("a check", () => {
  it("of Redis is known to pass; one of the service's own is unproven until it has passed as often in a row as it needs", () => {
    expect(play([], { kind: "redis" }).places).toEqual(["passing"]);
    expect(play([answered]).places).toEqual(["unproven", "passing"]);
    expect(play([answered, missed, answered, answered], { successes: 2 }).places).toEqual([
      "unproven",
      "unproven",
      "unproven",
      "unproven",
      "passing",
    ]);
  });

  it("falls with the third miss in a row from each state, and with the first where that is its threshold", () => {
    expect(play([missed, missed, missed]).places.at(-1)).toBe("failing");
    expect(play([answered, missed, missed, answered, missed, missed, missed]).places).toEqual([
      "unproven",
      "passing",
      "doubted",
      "doubted",
      "passing",
      "doubted",
      "doubted",
      "failing",
    ]);
    expect(play([answered, missed], { failures: 1 }).places).toEqual(["unproven", "passing", "failing"]);
  });

  it("rises with one answer, or with as many in a row as it needs: a miss between them counts from the start", () => {
    const fallen = [answered, missed] as const;
    const once = { failures: 1 };
    expect(play([...fallen, missed, answered], once).places.slice(-2)).toEqual(["failing", "passing"]);
    const twice = { failures: 1, successes: 2 };
    expect(play([answered, ...fallen, answered, missed, answered, answered], twice).places.slice(-5)).toEqual([
      "failing",
      "failing",
      "failing",
      "failing",
      "passing",
    ]);
  });

  it("counts misses anew after each answer that it passes by, wherever that came", () => {
    expect(play([missed, answered, missed, missed]).places.at(-1)).toBe("doubted");
    expect(play([missed, missed, answered, missed], { failures: 2 }).places.slice(-3)).toEqual(["failing", "passing", "doubted"]);
  });

  it("that was doubted has a verdict without a miss once it is answered", () => {
    const { judged } = play([answered, missed, answered]);
    expect(judged.at(-1)).toEqual({ verdict: { ...name, passing: true, failures: 0, reason: "" } });
  });

  it("begins its schedule with its settings, and without a trouble", () => {
    const settings: CheckSettings = { check: "database", kind: "readiness", failures: 3, successes: 1 };
    const scheduled: unknown[] = [];
    const schedule = fromCallback<CheckEvent, CheckSettings>(({ input }) => void scheduled.push(input));
    const parent = createActor(fromTransition(() => undefined, undefined));
    const input = { ...settings, parent } as never;
    const { context, children } = createActor(checkMachine.provide({ actors: { checkSchedule: schedule as never } }), { input })
      .start()
      .getSnapshot();
    expect(scheduled).toEqual([settings]);
    expect(Object.keys(children)).toEqual(["checkSchedule"]);
    expect(context).toMatchObject({ missed: 0, trouble: "", answered: 0 });
    expect(checkMachine.id).toBe("check");
  });

  it("sends each verdict to the port, and a fact where it falls and where it rises, once each", () => {
    const { judged } = play([answered, missed, missed, missed, missed, answered]);
    const failing = (failures: number) => ({ ...name, passing: false, failures, reason: "refused" });
    expect(judged).toEqual([
      { verdict: { ...name, passing: true, failures: 0, reason: "" } },
      { verdict: { ...name, passing: true, failures: 1, reason: "refused" } },
      { verdict: { ...name, passing: true, failures: 2, reason: "refused" } },
      { verdict: failing(3), fact: { type: "check.failed", ...name, failures: 3, reason: "refused" } },
      { verdict: failing(4) },
      { verdict: { ...name, passing: true, failures: 0, reason: "" }, fact: { type: "check.restored", ...name, missed: 4 } },
    ]);
  });

  it("of Redis has facts of its own", () => {
    const { judged } = play([missed, answered], { kind: "redis", failures: 1 });
    expect(judged.map(({ fact }) => fact)).toEqual([
      { type: "redis.unreachable", failures: 1, reason: "refused" },
      { type: "redis.restored", missed: 1 },
    ]);
  });

  it("has a verdict before its first answer: all but readiness count as passed", () => {
    const first = (kind: CheckSettings["kind"]) => firstVerdict({ check: "database", kind, failures: 3, successes: 1 });
    expect(first("readiness")).toEqual({ ...name, passing: false, failures: 0, reason: "" });
    expect([first("liveness").passing, first("redis").passing]).toEqual([true, true]);
  });

  it("that is unproven fails readiness and passes liveness", () => {
    expect(play([missed]).judged).toEqual([{ verdict: { ...name, passing: false, failures: 1, reason: "refused" } }]);
    expect(play([missed], { kind: "liveness" }).judged[0]?.verdict.passing).toBe(true);
  });

  it("describes each state in a sentence, and has no delays", () => {
    const { states } = chartOf(machine as unknown as AnyStateMachine);
    expect(states.filter(({ description }) => description === undefined)).toEqual([]);
    expect(statesOf(machine as unknown as AnyStateMachine).map((state) => state.tone)).toEqual([
      "neutral",
      "good",
      "caution",
      "bad",
    ]);
    expect(Object.keys(checkMachine.implementations.delays)).toEqual([]);
  });

  it("whose schedule was not provided throws its name", () => {
    const { config } = checkMachine.implementations.actors.checkSchedule as unknown as { config: () => unknown };
    expect(config).toThrow("'checkSchedule'");
  });
});
