/** Each metric that the table of situations asks for is one that a real service or a real web tier serves. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { panelsOf } from "../../src/telemetry/dashboard.ts";
import { metricsIn } from "../../src/telemetry/situation.ts";
import { situations } from "../../src/telemetry/situations.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { namesIn, scrape } from "../kit/scrape.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
const begun: { shutdown(): Promise<unknown> }[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(async () => {
  await Promise.all(begun.map((service) => service.shutdown()));
  await redis.stop();
});

it("every metric of an alert or of a panel is served by a service or by a web tier", async () => {
  const options = { redis: redis.url, healthPort: 0, jitterMaxMs: 0, logger: silentLogger };
  const web = new WebService({ ...options, port: 0 });
  const running = new TestTier({ ...options, serviceName: "orders", instanceId: "a" });
  const hanging = new TestTier(
    { ...options, serviceName: "orders", instanceId: "b" },
    { onStart: ({ signal }) => aborted(signal) },
  );
  const failing = new TestTier(
    { ...options, serviceName: "orders", instanceId: "c" },
    {
      onStart: async () => {
        await eventually("its journal", async () =>
          JSON.stringify(await redis.witness.xrange(registryKeys(redis.witness).journal, "-", "+")).includes('"instance","c"'),
        );
        throw new Error("no pool");
      },
    },
  );
  for (const service of [web, running, hanging, failing]) {
    begun.push(service);
    void service.runToCompletion();
  }
  await Promise.all([web.waitFor("running"), running.waitFor("running"), failing.waitFor("stopped")]);
  const times = { window: "5m" };
  const queries = [
    ...situations.flatMap(({ condition, panel }) => [condition(times), panel.query(times)]),
    ...panelsOf(times).flatMap(({ queries: own }) => own.map(({ query }) => query)),
  ];
  const asked = [...new Set(queries.flatMap(metricsIn))];
  expect(asked.length).toBeGreaterThan(10);
  await eventually("each metric", async () => {
    const scrapes = await Promise.all([web, running].map(({ healthAddress }) => scrape(healthAddress!.port)));
    const missing = asked.filter((name) => !namesIn(scrapes.flat()).has(name));
    if (missing.length > 0) throw new Error(`no service has ${missing.join(", ")}`);
    return true;
  });
});
