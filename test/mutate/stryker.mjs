/** One run of Stryker: a part of the code, and the tests by which its mutants have to be noticed. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Stryker } from "@stryker-mutator/core";

const pathOf = (file) => fileURLToPath(new URL(file, import.meta.url));
const plugins = [
  fileURLToPath(import.meta.resolve("@stryker-mutator/vitest-runner")),
  pathOf("wording.mjs"),
  pathOf("progress.mjs"),
];

/**
 * Tries the mutants of these files, or of these ranges of files, and returns Stryker's report by file. Most mutants of a chart act
 * at import, for a chart is a constant: each runs in a fresh worker with all tests of its part.
 */
export const tried = async ({ name, mutate, tests }, limits) => {
  const fileName = `reports/mutation/${name}.run.json`;
  process.env.SG_MUTATE_TESTS = tests.join(",");
  await new Stryker({
    mutate,
    testRunner: "vitest",
    plugins,
    ignorers: ["wording"],
    vitest: { configFile: "test/mutate/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    ...limits,
    reporters: ["survivors", "json"],
    jsonReporter: { fileName },
    ignorePatterns: ["dist", "visualizations", "test/bench"],
    logLevel: "warn",
    warnings: { slow: false },
    /** Stryker rewrites it through an API that TypeScript 7 does not have; Vitest needs none */
    tsconfigFile: "none",
    disableTypeChecks: false,
  }).runMutationTest();
  return JSON.parse(readFileSync(fileName, "utf8")).files;
};
