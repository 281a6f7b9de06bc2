/** A test file that a mutant keeps from being imported or collected counts as one that fails: without tests of its own it would pass. */
import type { RunnerTestFile } from "vitest";
import { TestRunner, test } from "vitest";

export default class ImportsAreTests extends TestRunner {
  override async importFile(...file: Parameters<TestRunner["importFile"]>): Promise<unknown> {
    try {
      return await super.importFile(...file);
    } catch (error) {
      return test("can be imported", () => {
        throw error;
      });
    }
  }

  /** What the body of a `describe` throws is an error of the file, which is no test; thrown here it is one of the run. */
  onCollected(files: RunnerTestFile[]): void {
    const error = files.flatMap(({ result }) => result?.errors ?? [])[0];
    if (error !== undefined) throw new Error(`the tests cannot be collected: ${error.message}`);
  }
}
