/** A test file that a mutant keeps from being imported counts as a test that fails: without tests of its own it would pass. */
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
}
