/** A life in this process, and what was remembered of it. */
import type { FlightRecording } from "../../src/flight/index.ts";
import type { ServiceOptions } from "../../src/index.ts";
import type { TestHooks } from "./tier.ts";
import { TestTier } from "./tier.ts";

/** A life without Redis, unless the options have one; with `until` an error stops it there. */
export const lived = async (
  hooks: TestHooks,
  options: Partial<ServiceOptions> = {},
  until?: "running",
): Promise<FlightRecording> => {
  const tier = new TestTier({ redis: null, ...options }, hooks);
  const done = tier.runToCompletion();
  if (until) await tier.waitFor(until).then(() => void tier.shutdown(new Error("enough")));
  await done;
  return tier.flight();
};
