/**
 * Every transition of the charts, taken by the real thing: a real service, a real Redis behind a proxy, real HTTP. The paths come
 * from the charts' own graphs; after every step the system is compared with the model.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import type { LifecycleSettings } from "../../machines/index.ts";
import { isForcedAnswer, LeaseUnderTest } from "../kit/lease-under-test.ts";
import { noteLeftovers } from "../kit/leftovers.ts";
import { leaseModel } from "../kit/model.ts";
import { Coverage, testCoverage, testPaths } from "../kit/model-paths.ts";
import { isForced, realModel } from "../kit/real-model.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { SystemUnderTest } from "../kit/system-under-test.ts";

let redis: TestRedis;
const blocker = createServer();
beforeAll(async () => {
  redis = await startTestRedis();
  await once(blocker.listen(0, "127.0.0.1"), "listening");
  // the answer to a write of a lease whose chart has failed has no receiver, and XState warns of it
  const { warn } = console;
  vi.spyOn(console, "warn").mockImplementation((...args) => String(args[0]).includes("sent to stopped actor") || warn(...args));
});
afterAll(async () => {
  vi.restoreAllMocks();
  blocker.close();
  await redis.stop();
});

const testLeftovers = () => {
  let nothingIsLeft: () => Promise<void>;
  beforeAll(async () => {
    nothingIsLeft = await noteLeftovers(redis);
  });
  it("all paths together leave no connection, timer, socket, listener or thread", () => nothingIsLeft());
};

interface Variant {
  readonly name: string;
  readonly settings: Partial<LifecycleSettings>;
  readonly probeThread?: true;
  readonly hasOnDrain?: true;
}
const variants: readonly Variant[] = [
  { name: "Redis required, health server", settings: {} },
  { name: "Redis required, no health server", settings: { hasHealth: false } },
  { name: "Redis optional, health server", settings: { redisRequired: false } },
  { name: "Redis optional, no health server", settings: { redisRequired: false, hasHealth: false } },
  { name: "no Redis, health server on a thread", settings: { hasRedis: false }, probeThread: true },
  { name: "no Redis, health server that closes last", settings: { hasRedis: false, closeHealth: "last" } },
  { name: "no Redis, no health server", settings: { hasRedis: false, hasHealth: false } },
  { name: "no Redis, health server, a tier with an onDrain", settings: { hasRedis: false }, hasOnDrain: true },
];

describe("the lifecycle on the real system", () => {
  const coverage = new Coverage(realModel({}).machine);

  describe.each(variants)("$name", ({ settings, probeThread = false, hasOnDrain = false }) => {
    testPaths({
      model: realModel(settings, { hasOnDrain }),
      coverage,
      make: (events, onTaken) => SystemUnderTest.make({ redis, settings, probeThread, hasOnDrain, events, blocker, onTaken }),
      isForced,
    });
    testLeftovers();
  });

  testCoverage(coverage);
});

describe("the lease on the real registry", () => {
  const model = leaseModel();
  const coverage = new Coverage(model.machine);

  testPaths({ model, coverage, make: (_, onTaken) => LeaseUnderTest.make(redis, onTaken), isForced: isForcedAnswer });
  testLeftovers();
  testCoverage(coverage);
});
