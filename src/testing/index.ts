/** `stargazer/testing`: whether a tier keeps the contract, and the means to watch a service and to disturb its Redis. */

export type { Driven } from "../flight/index.ts";
export { driveLifecycle } from "../flight/index.ts";
export { conformance, scenarioNames } from "./conformance.ts";
export type { ConformanceOptions, ServiceFactory } from "./options.ts";
export type { Recorded } from "./probe.ts";
export { LifecycleProbe } from "./probe.ts";
export type { ConformanceCheck } from "./report.ts";
export { assertConforms, ConformanceReport } from "./report.ts";
export type { TestRunner } from "./suite.ts";
export { conformanceSuite } from "./suite.ts";
export { TestRedis } from "./test-redis.ts";
export type { WaitOptions } from "./within.ts";
