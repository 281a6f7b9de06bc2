import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/kit/global-setup.ts"],
    testTimeout: 40_000,
    hookTimeout: 40_000,
    pool: "forks",
    // the tests wait more than they work, so one worker for each core is not too many, as the default would have it
    maxWorkers: 2,
  },
});
