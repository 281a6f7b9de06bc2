import { defineConfig } from "vitest/config";
import { deadlines } from "./test/kit/deadlines.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/kit/global-setup.ts"],
    testTimeout: deadlines.test,
    hookTimeout: deadlines.test,
    pool: "forks",
    // tests wait more than they compute, so one worker for each core is not too many, as Vitest's default has it
    maxWorkers: 2,
    // for the same reason the concurrent tests of a file, which are the paths of the models
    maxConcurrency: 6,
  },
});
