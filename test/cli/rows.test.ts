/** The table of a fleet where the terminal is narrow. */
import { expect, it } from "vitest";
import { rowTable } from "../../src/cli/rows.ts";
import { FleetModel } from "../../src/instances/model.ts";
import { end, failedFact, instanceOf, journaled, step } from "../kit/fleet-entries.ts";

const t0 = 1_800_000_000_000;
const model = new FleetModel();
model.tick(t0);
const why = "onStart did not finish within startTimeoutMs (60000 ms)";
model.note(
  journaled(
    instanceOf(),
    t0,
    step("starting"),
    failedFact(`starting: ${why}`),
    step("stopping.disconnecting"),
    end("failed", "", [why]),
  ),
);
const linesOf = (width?: number): string[] =>
  rowTable(model.rows(), { now: t0, entries: new Map(), width, paint: (_colour, text) => text });

it.each([
  [undefined, "SERVICE STATE FOR READY RELEASE HEALTH PID HOST INSTANCE WHY"],
  [300, "SERVICE STATE FOR READY RELEASE INSTANCE WHY"],
  [100, "SERVICE STATE FOR READY RELEASE INSTANCE"],
  [40, "SERVICE STATE FOR READY INSTANCE"],
  [20, "SERVICE STATE RE"],
])("of a terminal with %s columns has these titles, no column without a value, and the whole sentence", (width, titles) => {
  const [head, ...rows] = linesOf(width);
  expect(head!.trim().split(/ +/).join(" ")).toBe(titles);
  for (const line of [head!, ...rows]) expect(line.length).toBeLessThanOrEqual(width ?? 1000);
  const sentence = rows.join(" ").replaceAll(/ +/g, " ");
  for (const word of why.split(" ")) expect(sentence).toContain(width === 20 ? word.slice(0, 18) : word);
});
