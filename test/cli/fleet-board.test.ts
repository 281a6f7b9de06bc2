/** The board of `fleet --watch`: what is drawn on a terminal, from rows to none. */
import { afterEach, expect, it, vi } from "vitest";
import { createFleetBoard } from "../../src/cli/fleet-board.ts";
import { FleetModel } from "../../src/instances/model.ts";
import { end, instanceOf, journaled, ready, step } from "../kit/fleet-entries.ts";

const t0 = 1_800_000_000_000;
let board: { close(): void } | undefined;
afterEach(() => {
  board?.close();
  vi.useRealTimers();
});

/** The lines that are on the screen after the last drawing of this model. */
const drawnOf = (model: FleetModel): string[] => {
  vi.useFakeTimers();
  const texts: string[] = [];
  let notify = () => {};
  const onChange = (listener: () => void) => {
    notify = listener;
    return () => {};
  };
  const memory = { model, isCurrent: true, now: () => t0, onChange };
  board = createFleetBoard({ columns: 100, rows: 24, write: (text) => texts.push(text) }, memory);
  notify();
  vi.advanceTimersByTime(100);
  return texts.at(-1)!.split("\n").slice(0, -1);
};

it("without a row is one line, which says so", () => {
  expect(drawnOf(new FleetModel())).toEqual(["no instance runs"]);
});

it("has the titles and one line for each instance that runs or has just ended", () => {
  const model = new FleetModel();
  model.note(journaled(instanceOf(), t0 - 1000, step("starting"), step("running"), ready));
  expect(drawnOf(model)).toEqual(["1 of 1 ready", expect.stringMatching(/^SERVICE +STATE/), expect.stringContaining("running")]);
});

it("of a fleet that ended long ago is the same line", () => {
  const model = new FleetModel();
  const life = [step("starting"), step("stopping.disconnecting"), end("shutdown", "SIGTERM")];
  model.note(journaled(instanceOf(), t0 - 3_600_000, ...life));
  expect(drawnOf(model)).toEqual(["no instance runs"]);
});
