/** The tests of one slice, in the order of the slice: the quickest first, for the first that fails ends the run. */
import { defineConfig } from "vitest/config";
import type { TestSpecification, Vite } from "vitest/node";
import { BaseSequencer } from "vitest/node";
import { deadlines } from "../kit/deadlines.ts";
import { keptThread } from "./kept-thread.ts";

const tests = (process.env.SG_MUTATE_TESTS ?? "").split(",");

class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const at = ({ moduleId }: TestSpecification) => tests.findIndex((test) => moduleId.endsWith(test));
    return files.toSorted((a, b) => at(a) - at(b));
  }
}

/** Stryker asks for a pool of threads in its call of Vitest, which a configuration file does not override. */
const keepsThread: Vite.Plugin = {
  name: "kept-thread",
  configureVitest({ project, vitest }) {
    vitest.onClose(keptThread.end);
    project.config.pool = keptThread.name;
    project.config.poolRunner = keptThread;
  },
};

export default defineConfig({
  plugins: [keepsThread],
  test: {
    runner: "test/mutate/runner.ts",
    include: tests,
    testTimeout: deadlines.test,
    hookTimeout: deadlines.test,
    sequence: { sequencer: InOrder },
  },
});
