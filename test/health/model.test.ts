/** Every transition of the port's chart, taken by real threads, ports and checks; after each step the system is compared with the model. */
import { beforeAll, describe, it } from "vitest";
import { HealthPortUnderTest, healthPortModel, isForcedHere } from "../kit/health-port-under-test.ts";
import { noteLeftovers } from "../kit/leftovers.ts";
import { Coverage, testCoverage, testPaths } from "../kit/model-paths.ts";

const variants = [
  { name: "a probe thread, no check", own: { hasThread: true, isChecked: false } },
  { name: "the main thread alone, with a check", own: { hasThread: false, isChecked: true } },
];

describe("the health port on its real actors", () => {
  const coverage = new Coverage(healthPortModel(variants[0]!.own).machine);
  let nothingIsLeft: () => Promise<void>;
  beforeAll(async () => {
    nothingIsLeft = await noteLeftovers();
  });

  describe.each(variants)("$name", ({ own }) => {
    testPaths({
      model: healthPortModel(own),
      coverage,
      make: (events, onTaken) => HealthPortUnderTest.make(own, events, onTaken),
      isForced: isForcedHere,
    });
  });

  it("all paths together leave no timer, socket, listener or thread", () => nothingIsLeft());
  testCoverage(coverage);
});
