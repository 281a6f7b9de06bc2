/** The kit as a suite of tests, one a scenario, for any runner that has `describe` and `it`. */
import { play, scenariosFor } from "./conformance.ts";
import type { ConformanceOptions, ServiceFactory } from "./options.ts";
import { limitsOf } from "./options.ts";
import { assertConforms, ConformanceReport } from "./report.ts";

/** What vitest, `node:test` and others have in common. */
export interface TestRunner {
  readonly describe: (name: string, define: () => void) => unknown;
  readonly it: (name: string, test: () => Promise<void>, timeoutMs?: number) => unknown;
}

/** ms for one scenario, for runners that would give it less */
const scenarioTimeoutMs = 120_000;

/**
 * Declares a suite that holds a service to the contract; call it where tests are declared. A test that fails says what the
 * service did wrong.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * conformanceSuite("my tier", (overrides) => new MyTier({ ...overrides }), { describe, it });
 * ```
 */
export const conformanceSuite = (
  name: string,
  factory: ServiceFactory,
  { describe, it }: TestRunner,
  options: ConformanceOptions = {},
): void => {
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
