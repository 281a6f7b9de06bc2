/** The metrics of the fleet on the web tier: what they count, their bounds, and a scrape while Redis is away. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ServiceFact } from "../../src/index.ts";
import { silentLogger } from "../../src/logger.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import type { FleetState } from "../../src/tiers/web/fleet-metrics.ts";
import { fleetMetrics } from "../../src/tiers/web/fleet-metrics.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import { toFields } from "../kit/messages.ts";
import { withPatience } from "../kit/patience.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { failedBoot, rowWith } from "../kit/rows.ts";
import { repeated, scrape, seriesOf } from "../kit/scrape.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const hourMs = 3_600_000;
const linesOf = (own: Partial<FleetState>): string[] =>
  fleetMetrics({ rows: [], now: 48 * hourMs, ends: [], backlogs: [], deadLetters: 0, ...own })
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
const named = (lines: readonly string[], name: string): string[] => lines.filter((line) => line.startsWith(`${name}{`));

describe("the metrics of the fleet", () => {
  it("count the instances that live by service, release and state, and those of them that are not ready", () => {
    const end = { outcome: "shutdown", reason: "", at: 1, steps: {} };
    const rows = [
      rowWith(),
      rowWith({ instance: "b" }),
      rowWith({ instance: "c", version: "1.1.0", kind: "booting", state: "starting", ready: false }),
      rowWith({ instance: "d", ready: null }),
      rowWith({ instance: "e", kind: "ended", state: "stopped", ready: false, end }),
    ];
    const lines = linesOf({ rows });
    expect(named(lines, "sg_fleet_instances")).toEqual([
      'sg_fleet_instances{service="orders",version="1.0.0",state="running"} 3',
      'sg_fleet_instances{service="orders",version="1.1.0",state="starting"} 1',
    ]);
    expect(named(lines, "sg_fleet_not_ready")).toEqual([
      'sg_fleet_not_ready{service="orders",version="1.0.0"} 0',
      'sg_fleet_not_ready{service="orders",version="1.1.0"} 1',
    ]);
  });

  it("have the share of the deadline that the slowest boot has used", () => {
    const now = 48 * hourMs;
    const booting = (until: number) =>
      rowWith({
        kind: "booting",
        state: "starting",
        ready: false,
        waits: { what: "onStart", until: now + until, totalMs: 60_000 },
      });
    const rows = [booting(54_000), booting(6000), rowWith({ waits: { what: "run", until: null, totalMs: null } })];
    expect(named(linesOf({ rows, now }), "sg_fleet_boot_deadline_ratio")).toEqual([
      'sg_fleet_boot_deadline_ratio{service="orders",version="1.0.0"} 0.9',
    ]);
  });

  it("count the failed ends of the last 24 hours by code, those before the present one too", () => {
    const boots = [
      failedBoot("SG_ERR_SUPERSEDED", 47 * hourMs),
      failedBoot("SG_ERR_STOP_TIMEOUT", 30 * hourMs),
      failedBoot("SG_ERR_STOP_TIMEOUT", 1),
    ];
    expect(named(linesOf({ rows: [rowWith({ boots })] }), "sg_fleet_failed_ends")).toEqual([
      'sg_fleet_failed_ends{service="orders",code="SG_ERR_SUPERSEDED"} 1',
      'sg_fleet_failed_ends{service="orders",code="SG_ERR_STOP_TIMEOUT"} 1',
    ]);
  });

  it("have at most 200 series of each, those with the largest values, and count the rest", () => {
    const ends = Array.from({ length: 1000 }, (_, n) => ({ service: `s${n}`, version: "1", outcome: "failed", count: n }));
    const lines = linesOf({ ends });
    const kept = named(lines, "sg_fleet_ends_total");
    expect(kept).toHaveLength(200);
    expect(kept[0]).toBe('sg_fleet_ends_total{service="s999",version="1",outcome="failed"} 999');
    expect(lines).toContain("sg_fleet_series_left_out 800");
  });
});

describe("a web tier", () => {
  let redis: TestRedis;
  const begun: { shutdown(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(() => redis.witness.flushall());
  afterEach(async () => {
    await Promise.all(begun.splice(0).map((service) => service.shutdown()));
  });

  const start = async () => {
    const web = new WebService(withPatience({ redis: redis.url, healthPort: 0, jitterMaxMs: 0, logger: silentLogger, port: 0 }));
    const facts: ServiceFact[] = [];
    web.onFact((fact) => facts.push(fact));
    begun.push(web);
    void web.runToCompletion();
    await web.waitFor("running");
    const port = web.healthAddress!.port;
    await eventually("the metrics of the fleet", async () =>
      (await scrape(port)).some((line) => line.startsWith("sg_fleet_instances")),
    );
    return { port, facts };
  };
  const count = async (outcome: string, times: number) =>
    redis.witness.hincrby(registryKeys(redis.witness).ends, JSON.stringify(["orders", "1.0.0", outcome]), times);

  it("has the instances, the counted stops, the queue and the dead letters, each series once", async () => {
    await count("failed", 3);
    await redis.witness.hset(registryKeys(redis.witness).ends, "no JSON", 4);
    // an entry of 1970: how old it is does not depend on when this runs
    const message = toFields({ id: "1", platform: "pager", channel: "c", author: "ada", text: "hi", at: 1 });
    await redis.witness.xadd(messageKeys(redis.witness).inbound, "1-1", ...message);
    await redis.witness.xadd(streamKeys(redis.witness).deadLetters, "*", "reason", "x");
    const tier = new TestTier({ serviceName: "orders", redis: redis.url });
    begun.push(tier);
    void tier.runToCompletion();
    const { port } = await start();
    const isThere = (line: string) => /^sg_fleet_instances\{service="orders",version="[^"]+",state="running"\} 1$/.test(line);
    const lines = await eventually("the other service", async () => {
      const found = await scrape(port);
      return found.some(isThere) ? found : undefined;
    });
    const stream = messageKeys(redis.witness).inbound;
    expect(lines).toContain('sg_fleet_ends_total{service="orders",version="1.0.0",outcome="failed"} 3');
    expect(lines).toContain(`sg_stream_unread{stream="${stream}",group="sg:workers"} 1`);
    expect(lines).toContain(`sg_stream_pending{stream="${stream}",group="sg:workers"} 0`);
    expect(named(lines, "sg_stream_oldest_seconds")).toEqual([expect.stringMatching(/\} \d{10,}(?:\.\d+)?$/)]);
    expect(lines).toContain("sg_dead_letters 1");
    expect(repeated(lines)).toEqual([]);
  });

  it("counts each stop once, however many web tiers there are", async () => {
    const ports = await Promise.all([start(), start()]);
    await count("expired", 1);
    for (const { port } of ports) {
      const counted = await eventually("the stop", async () => {
        const found = named(await scrape(port), "sg_fleet_ends_total");
        return found.length > 0 && found;
      });
      expect(counted).toEqual(['sg_fleet_ends_total{service="orders",version="1.0.0",outcome="expired"} 1']);
    }
  });

  it("leaves the metrics of the fleet out while Redis is away, with a fact, and has them again", async () => {
    const { port, facts } = await start();
    redis.freeze();
    const without = await eventually("a scrape without the fleet", async () => {
      const lines = await scrape(port);
      return lines.some((line) => line.startsWith("sg_fleet_")) ? undefined : lines;
    });
    expect(without.map(seriesOf)).toContain("sg_up");
    await eventually("the fact", () => facts.find(({ type }) => type === "metrics.failed"));
    redis.thaw();
    await eventually("the fleet", async () => (await scrape(port)).some((line) => line.startsWith("sg_fleet_instances")));
    await eventually("the other fact", () => facts.find(({ type }) => type === "metrics.restored"));
  });
});
