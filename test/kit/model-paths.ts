/** The paths of a model as tests: one `it` a path, each on a system of its own, several at a time, each with its own deadline. */
import { expect, it } from "vitest";
import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import { initialTransition, transition } from "xstate";
import { statePath } from "../../machines/index.ts";
import type { Model, ModelEvent } from "./model.ts";
import { declaredTransitions, eventName, sequencesOf } from "./model.ts";

/** A system that can be made to go through the events of a model. */
export interface UnderTest<S> {
  exec(before: S, event: ModelEvent): Promise<void>;
  /** Waits until the system is where the model is, and compares the rest of it. */
  check(state: S): Promise<void>;
  /** Releases what the path has left. */
  end(): Promise<void>;
}

export interface ModelledSystem<S extends AnyMachineSnapshot> {
  readonly model: Model<S>;
  readonly coverage: Coverage;
  /** called with the path's events, and with what is to be called at each transition that the real chart takes */
  make(events: readonly ModelEvent[], onTaken: (name: string) => void): Promise<UnderTest<S>>;
  /** whether no real part causes the event in that state, so that it is sent to the chart by hand */
  isForced?(before: S, event: ModelEvent): boolean;
}

/** Which declared transitions of a chart were taken by the real thing. */
export class Coverage {
  readonly taken = new Set<string>();
  readonly forced = new Set<string>();
  readonly #machine: AnyStateMachine;
  #paths = 0;
  #steps = 0;

  constructor(machine: AnyStateMachine) {
    this.#machine = machine;
  }

  countPath(steps: number): void {
    this.#paths += 1;
    this.#steps += steps;
  }

  get missing(): string[] {
    return [...declaredTransitions(this.#machine)].filter((name) => !this.taken.has(name));
  }

  toString(): string {
    const all = declaredTransitions(this.#machine).size;
    return (
      `${this.#paths} generated paths of ${this.#steps} steps on the real system; ` +
      `${all - this.missing.length} of ${all} declared transitions taken; ` +
      `sent by hand, because no real part does it: ${[...this.forced].join(", ") || "nothing"}`
    );
  }
}

/** Takes one path; an error names its events. */
const walkPath = async <S extends AnyMachineSnapshot>(
  system: ModelledSystem<S>,
  events: readonly ModelEvent[],
): Promise<void> => {
  const { model, coverage, make, isForced } = system;
  const underTest = await make(events, (name) => void coverage.taken.add(name));
  let [state] = initialTransition(model.machine, model.input) as unknown as [S];
  try {
    for (const event of events) {
      if (isForced?.(state, event)) coverage.forced.add(`${eventName(event)} in ${statePath(state)}`);
      await underTest.exec(state, event);
      [state] = transition(model.machine, state, event as never) as unknown as [S];
      await underTest.check(state);
    }
  } catch (error) {
    throw new Error(`${events.map(eventName).join(" > ")}\n${(error as Error).message}`, { cause: error });
  } finally {
    await underTest.end();
  }
  coverage.countPath(events.length);
};

/** Declares a test for each different arrow of the model: the shortest path that ends with it. */
export const testPaths = <S extends AnyMachineSnapshot>(system: ModelledSystem<S>): void => {
  for (const { name, events } of sequencesOf(system.model)) it.concurrent(name, () => walkPath(system, events));
};

/** Declares the test that the real thing has taken every transition that the chart declares. */
export const testCoverage = (coverage: Coverage): void => {
  it("every declared transition was taken", () => {
    console.log(String(coverage));
    expect(coverage.missing).toEqual([]);
  });
};
