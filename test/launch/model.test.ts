/** Every transition of the group's chart, taken by real services; after each step the group and its services are compared with the model. */
import { beforeAll, describe, it } from "vitest";
import { chained, groupModel } from "../kit/group-model.ts";
import { GroupUnderTest } from "../kit/group-under-test.ts";
import { noteLeftovers } from "../kit/leftovers.ts";
import { Coverage, testCoverage, testPaths } from "../kit/model-paths.ts";

const variants = [chained, { ...chained, fail: "apart" as const }];

describe("a group of real services", () => {
  const coverage = new Coverage(groupModel(chained).machine);
  let nothingIsLeft: () => Promise<void>;
  beforeAll(async () => {
    nothingIsLeft = await noteLeftovers();
  });

  describe.each(variants)("that fails $fail", (input) => {
    testPaths({ model: groupModel(input), coverage, make: async (_, onTaken) => new GroupUnderTest(input, onTaken) });
  });

  it("all paths together leave no timer, socket, listener or thread", () => nothingIsLeft());
  testCoverage(coverage);
});
