/** Times of a service that a slow machine does not reach. */
import type { ServiceOptions } from "../../src/index.ts";
import { deadlines } from "./deadlines.ts";
import { hourMs } from "./hours.ts";

type Given = Partial<ServiceOptions>;

const steps = {
  pingTimeoutMs: deadlines.fact,
  registerTimeoutMs: deadlines.fact,
  healthTimeoutMs: deadlines.fact,
  drainTimeoutMs: deadlines.fact,
  stopTimeoutMs: deadlines.fact,
  shutdownTimeoutMs: deadlines.test,
} satisfies Given;
const lease = { heartbeatMs: hourMs, leaseTtlMs: 3 * hourMs } satisfies Given;
const loop = { readinessBlockMs: deadlines.fact, livenessBlockMs: deadlines.fact } satisfies Given;

const unless = (names: Given, given: Given): Given =>
  Object.keys(names).some((name) => given[name as keyof Given] !== undefined) ? {} : names;

/**
 * The options with times so long that no beat falls due and no deadline ends because the machine is slow. Those of a lease and those of
 * the event loop depend on each other: where one of them is given, the other one is the product's.
 */
export const withPatience = <Options extends Given>(given: Options): Options => ({
  ...steps,
  ...unless(lease, given),
  ...unless(loop, given),
  ...given,
});
