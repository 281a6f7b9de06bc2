/** Boot and shutdown against a real Redis: the order of the steps, what is optional, and the registry entry meanwhile. */
import { hostname } from "node:os";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RegistryEntry, ServiceFact, ServiceOptions } from "../../src/index.ts";
import { Registry, type StargazerService } from "../../src/index.ts";
import { seams } from "../../src/service/service.ts";
import { holdTimers } from "../kit/gates.ts";
import { hourMs } from "../kit/hours.ts";
import { connectionsTo } from "../kit/leftovers.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import type { TestHooks } from "../kit/tier.ts";
import { hangs, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
const tiers: TestTier[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
afterEach(async () => {
  redis.thaw();
  proxy.mode = "pass";
  await proxy.accept();
  await Promise.all(tiers.splice(0).map((tier) => tier.shutdown()));
  await redis.witness.flushall();
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

/** beats come soon, and the entry outlasts each stall */
const quickBeats = { heartbeatMs: 100, leaseTtlMs: hourMs };
const make = (hooks: TestHooks = {}, options: Partial<ServiceOptions> = {}): TestTier => {
  const tier = new TestTier({ redis: redis.url, ...options }, hooks);
  tiers.push(tier);
  return tier;
};
const run = async (tier: TestTier): Promise<void> => {
  void tier.runToCompletion();
  await tier.waitFor("running");
};
const key = ({ serviceName, instanceId }: StargazerService) => `sg:registry:service:${serviceName}:${instanceId}`;
const entry = async (tier: TestTier): Promise<RegistryEntry | undefined> => {
  const text = await redis.witness.get(key(tier));
  return text === null ? undefined : (JSON.parse(text) as RegistryEntry);
};
const status = (tier: TestTier, wanted: string) =>
  eventually(`status ${wanted}`, async () => (await entry(tier))?.status === wanted);
const probe = async (port: number, path: string) => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: answer.status, body: await answer.text() };
};
const phase = (tier: TestTier, name: string) => tier.status().phases.find((record) => record.phase === name);

describe("boot and shutdown", () => {
  it("go through ping, onStart, register, health server; then health server, deregister, drain, onStop", async () => {
    const seen: string[] = [];
    const look = async (what: string, tier: TestTier) => {
      const found = await entry(tier);
      seen.push(`${what}: entry ${found?.status ?? "none"}, health ${found?.health ? "known" : "unknown"}`);
    };
    const tier = make({
      onStart: (_, self) => look("onStart", self),
      run: async ({ signal }, self) => {
        await status(self, "running");
        await look("run", self);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await look("drain", self);
      },
      onStop: (_, self) => look("onStop", self),
    });
    const statuses: string[] = [];
    const watcher = await redis.witness.duplicate().monitor();
    watcher.on("monitor", (_, args: string[]) => {
      const json = args.find((arg) => arg.includes('"status":'));
      if (json) statuses.push(/"status":"(\w+)"/.exec(json)![1]!);
    });
    await run(tier);
    await eventually("run has looked", () => seen.length === 2);
    await tier.shutdown();
    await eventually("the last status", () => statuses.at(-1) === "stopping");
    watcher.disconnect();
    expect(seen).toEqual([
      "onStart: entry none, health unknown",
      "run: entry running, health known",
      "drain: entry none, health unknown",
      "onStop: entry none, health unknown",
    ]);
    expect(statuses.filter((value, at) => value !== statuses[at - 1])).toEqual(["starting", "healthy", "running", "stopping"]);
    expect(tier.states).toEqual([
      "init",
      "jitter",
      "pinging",
      "starting",
      "registering",
      "healthy",
      "running",
      "stopping",
      "stopped",
    ]);
  });

  it("the entry names the service, its address and when its status began; /status and /metrics agree with it", async () => {
    const tier = make({}, { metadata: { zone: "b" } });
    await run(tier);
    await status(tier, "running");
    const [listed] = await new Registry(redis.witness).list("test");
    expect(listed).toMatchObject({
      service: "test",
      instance: tier.instanceId,
      status: "running",
      host: hostname(),
      pid: process.pid,
      metadata: { zone: "b" },
      health: { host: "127.0.0.1" },
    });
    const { port } = listed!.health!;
    expect(JSON.parse((await probe(port, "/status")).body)).toMatchObject({
      state: "running",
      lease: { state: expect.stringMatching(/^held\./), incarnation: listed!.incarnation, missed: 0 },
    });
    expect((await probe(port, "/readyz")).status).toBe(200);
    expect((await probe(port, "/metrics")).body).toContain('sg_state{state="running"} 1');
  });

  it("readiness falls at once, liveness stays through the drain delay, and requests still succeed", async () => {
    const drainDelayMs = 7777;
    const { clock, end } = holdTimers(drainDelayMs);
    const tier = make({}, { drainDelayMs, [seams]: { clock } } as Partial<ServiceOptions>);
    await run(tier);
    await status(tier, "running");
    const { port } = (await entry(tier))!.health!;
    const stop = tier.shutdown();
    const [ready, live] = await Promise.all([probe(port, "/readyz"), probe(port, "/healthz")]);
    expect([ready.status, live.status]).toEqual([503, 200]);
    expect(ready.body).toContain("stopping");
    end();
    await stop;
    await expect(probe(port, "/healthz")).rejects.toThrow();
  });

  it.each([
    ["a connection of its own", false, "connection refused"],
    ["a client of the caller's", true, "(connection closed|not connected)"],
  ])("the reason of /readyz names why Redis is not reachable over %s", async (_whose, isTheirs, reason) => {
    const client = new Redis(proxy.through(redis.url), { lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0 });
    client.on("error", () => {});
    try {
      const tier = make({}, { redis: isTheirs ? client : proxy.through(redis.url) });
      await run(tier);
      await status(tier, "running");
      const { port } = (await entry(tier))!.health!;
      await proxy.refuse();
      const fallen = await eventually("it is not ready", async () => {
        const { status, body } = await probe(port, "/readyz");
        return status === 503 && body;
      });
      expect(JSON.parse(fallen).reason).toMatch(new RegExp(`^Redis is not reachable: ${reason}, \\d+ times in a row$`));
      await tier.shutdown();
    } finally {
      client.disconnect();
    }
  });

  it("without a health server nothing listens, and the phase is marked skipped", async () => {
    const tier = make({}, { useHealthServer: false });
    await run(tier);
    await status(tier, "running");
    expect([(await entry(tier))?.health, phase(tier, "healthy")?.outcome]).toEqual([null, "skipped"]);
  });

  it("a taken health port fails the boot; the error names the port and what to do, and everything is undone", async () => {
    const first = make();
    await run(first);
    await status(first, "running");
    const { port } = (await entry(first))!.health!;
    const second = make({}, { healthPort: port });
    await expect(second.boot()).rejects.toMatchObject({
      code: "SG_ERR_HEALTH_PORT_IN_USE",
      message: expect.stringContaining(String(port)),
    });
    expect([second.calls, await entry(second)]).toEqual([["onStart", "onStop"], undefined]);
  });

  it("the caller's client is used, and neither closed nor reconfigured", async () => {
    const client = new Redis(redis.url);
    const tier = make({ onStart: async (context) => void (await context.redis.set("sg:mine", "1")) }, { redis: client });
    await run(tier);
    await tier.shutdown();
    expect([client.status, await client.get("sg:mine"), "sgRegister" in client]).toEqual(["ready", "1", false]);
    await client.quit();
  });

  it("no connection to Redis is left", async () => {
    const before = await connectionsTo(redis);
    const made = async () => (await connectionsTo(redis)).filter((id) => !before.includes(id));
    const tier = make();
    await run(tier);
    expect(await made()).not.toEqual([]);
    await tier.shutdown();
    await eventually("connections are gone", async () => (await made()).length === 0);
  });
});

describe("Redis that cannot be reached", () => {
  it("a required Redis that refuses fails the boot after three attempts, with a message that names what to do", async () => {
    await proxy.refuse();
    await expect(make({}, { redis: proxy.through(redis.url) }).boot()).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
      phase: "pinging",
      message: expect.stringMatching(/did not pass the ping gate, 3 attempts: .*refused.*Is it running\? Set REDIS_URL/),
    });
  });

  it("a required Redis that does not answer fails the boot after three attempts", async () => {
    proxy.mode = "stall";
    await expect(make({}, { redis: proxy.through(redis.url), pingTimeoutMs: 200 }).boot()).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
      message: expect.stringMatching(/3 attempts: no answer/),
    });
  });

  it("an optional Redis that is absent: the service boots degraded, registers when Redis answers, and degraded clears", async () => {
    await proxy.refuse();
    const tier = make({}, { redis: proxy.through(redis.url), redisRequired: false, registerTimeoutMs: 100, ...quickBeats });
    const facts: ServiceFact["type"][] = [];
    tier.onFact(({ type }) => facts.push(type));
    await run(tier);
    expect(tier.status()).toMatchObject({ degraded: true, condition: expect.stringContaining("did not pass the ping gate") });
    await proxy.accept();
    await status(tier, "running");
    await eventually("degraded clears", () => !tier.status().degraded);
    expect(tier.status().condition).toBe("");
    expect(facts).toContain("degraded.cleared");
  });

  it("a Redis that freezes while running: the lease is suspect, readiness falls, a shutdown keeps to its budget, the entry expires", async () => {
    const tier = make({}, { heartbeatMs: 100, leaseTtlMs: 600, registerTimeoutMs: 200, shutdownTimeoutMs: 8000 });
    const facts: ServiceFact["type"][] = [];
    tier.onFact(({ type }) => facts.push(type));
    await run(tier);
    await status(tier, "running");
    redis.freeze();
    await eventually("suspect", () => facts.includes("lease.suspect"));
    const report = await tier.shutdown();
    expect(report).toMatchObject({ outcome: "shutdown", exitCode: 0 });
    expect(report.phases.find((record) => record.phase === "stopping.deregistering")?.outcome).toMatch(/failed|timeout/);
    redis.thaw();
    await eventually("no entry", async () => (await entry(tier)) === undefined);
  });
});

describe("the registry entry on a real Redis", () => {
  it("is deleted by a stop right after the connections broke", async () => {
    const tier = make({}, { redis: proxy.through(redis.url) });
    await run(tier);
    await status(tier, "running");
    await proxy.refuse();
    await proxy.accept();
    const report = await tier.shutdown();
    expect(report.phases.find((record) => record.phase === "stopping.deregistering")?.outcome).toBe("done");
    expect(await entry(tier)).toBeUndefined();
  });

  it("is written again under the same incarnation by the next beat after a flush, and the loss is a fact", async () => {
    const tier = make({}, quickBeats);
    const facts: ServiceFact["type"][] = [];
    tier.onFact(({ type }) => facts.push(type));
    await run(tier);
    await status(tier, "running");
    const before = (await entry(tier))!.incarnation;
    await redis.witness.flushall();
    await status(tier, "running");
    expect((await entry(tier))?.incarnation).toBe(before);
    await eventually("held again", () => tier.status().lease?.state.startsWith("held"));
    expect(facts.filter((type) => ["lease.lost", "lease.regained"].includes(type))).toEqual(["lease.lost", "lease.regained"]);
  });

  it("of two services with one id belongs to the newer; the older one stops itself, failed, and names the newer", async () => {
    const options = { instanceId: "same", ...quickBeats };
    const older = make({}, options);
    const end = older.runToCompletion();
    await status(older, "running");
    const newer = make({}, options);
    await run(newer);
    expect(await end).toMatchObject({
      outcome: "failed",
      reason: "superseded",
      error: { code: "SG_ERR_SUPERSEDED", message: expect.stringContaining(`pid ${process.pid} on ${hostname()}`) },
    });
    await status(newer, "running");
    expect(newer.state).toBe("running");
  });

  it("gets no write from a run that outlives the stop", async () => {
    const tier = make({ run: hangs }, { ...quickBeats, drainTimeoutMs: 200 });
    await run(tier);
    await status(tier, "running");
    await tier.shutdown();
    expect(await entry(tier)).toBeUndefined();
    expect(await redis.witness.exists(`sg:registry:released:test:${tier.instanceId}`)).toBe(1);
  });
});
