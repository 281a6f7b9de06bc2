/** Which inspection events a service's actor system makes, and for whom. */

import { beforeEach, describe, expect, it } from "vitest";
import type { InspectionEvent } from "xstate";
import { createActor, setup } from "xstate";
import { recordMicrosteps } from "../../src/service/inspection.ts";

const lamp = setup({ actions: { click: () => {} } }).createMachine({
  initial: "off",
  states: {
    off: { on: { press: { target: "on", actions: "click" } } },
    on: { on: { press: { target: "off", actions: "click" } } },
  },
});

const actorOf = () => createActor(lamp);
let actor = actorOf();
let recorded: string[] = [];
const record = () => recordMicrosteps(actor.system, ({ type }: InspectionEvent) => void recorded.push(type));
const press = (): string[] => {
  recorded = [];
  actor.send({ type: "press" });
  return recorded;
};
const every = ["@xstate.event", "@xstate.action", "@xstate.microstep", "@xstate.snapshot"];

beforeEach(() => {
  actor = actorOf();
});

describe("the recorder of a service's microsteps", () => {
  it("gets microsteps alone while nothing else inspects", () => {
    record();
    actor.start();
    expect(press()).toEqual(["@xstate.microstep"]);
  });

  it("leaves every event to an inspector, until the last one has unsubscribed", () => {
    record();
    const seen: string[] = [];
    const [first, second] = [0, 1].map(() => actor.system.inspect(({ type }: InspectionEvent) => void seen.push(type)));
    actor.start();
    seen.length = 0;
    press();
    expect(seen.toSorted()).toEqual([...every, ...every].toSorted());
    first!.unsubscribe();
    first!.unsubscribe();
    seen.length = 0;
    press();
    expect(seen).toEqual(every);
    second!.unsubscribe();
    expect(press()).toEqual(["@xstate.microstep"]);
    expect(seen).toEqual(every);
  });

  it("gets every event where XState has no such function", () => {
    delete (actor.system as { _sendInspectionEvent?: unknown })._sendInspectionEvent;
    const observers: { next(event: { type: string }): void }[] = [];
    Object.assign(actor.system, { inspect: (next: () => void) => observers.push({ next }) });
    record();
    for (const { next } of observers) next({ type: "@xstate.event" });
    expect(recorded.at(-1)).toBe("@xstate.event");
  });
});
