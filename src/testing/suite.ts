/** The kit as a suite with one test for each scenario, for any runner that has `describe` and `it`. */
import { play, scenariosFor } from "./conformance.ts";
import type { ConformanceOptions, ServiceFactory } from "./options.ts";
import { limitsOf } from "./options.ts";
import { assertConforms, ConformanceReport } from "./report.ts";

/** What Vitest, `node:test` and others have in common. */
export interface TestRunner {
  readonly describe: (name: string, define: () => void) => unknown;
  readonly it: (name: string, test: () => Promise<void>, timeoutMs?: number) => unknown;
}

/** An option in the argument of the runner would have no effect. A runner may have functions of the same names: `only`. */
const refuseMisplaced = (runner: object): void => {
  const options = ["only", ...Object.keys(limitsOf({}))];
  const given = Object.entries(runner).filter(([name, value]) => options.includes(name) && typeof value !== "function");
  if (given.length === 0) return;
  const names = given.map(([name]) => name);
  throw new TypeError(
    `${names.join(", ")} in the argument of the runner: options are an argument of their own, the fourth: ` +
      "conformanceSuite(name, factory, { describe, it }, options)",
  );
};

/** the timeout of one scenario in ms; the default of a runner may be shorter */
const scenarioTimeoutMs = 120_000;

/**
 * Declares a suite that holds a service to the contract; call it where tests are declared. The message of a test that fails names
 * what the service did wrong. Throws a `TypeError` where no scenario is left, for an unknown option, and for an option among `describe` and `it`. A service that blocks the event loop for
 * good ends the process of its test file: see `conformance`.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * conformanceSuite("my tier", (overrides) => new MyTier({ ...overrides }), { describe, it });
 * ```
 */
export const conformanceSuite = (
  name: string,
  factory: ServiceFactory,
  runner: TestRunner,
  options: ConformanceOptions = {},
): void => {
  refuseMisplaced(runner);
  const { describe, it } = runner;
  const limits = limitsOf(options);
  const declare = () => {
    for (const scenario of scenariosFor(options)) {
      const test = async () => {
        const { check } = await play(scenario, factory, limits);
        assertConforms(new ConformanceReport(name, [check]));
      };
      it(`${scenario.name}: ${scenario.claim}`, test, scenarioTimeoutMs);
    }
  };
  describe(name, declare);
};
