/** The real resources of a service, one effect at a time: what it loads, connects and leaves, on a real Redis behind a proxy. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { Agent } from "node:http";
import { hostname } from "node:os";
import type { Worker } from "node:worker_threads";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LeaseWrite } from "../../machines/index.ts";
import { healthPortMachine, statePath } from "../../machines/index.ts";
import { HealthServer } from "../../src/health/server.ts";
import type { RegistryEntry, ServiceFact, ServiceOptions } from "../../src/index.ts";
import { timeOf } from "../../src/redis/time.ts";
import type { ResourcesOptions } from "../../src/service/effects/resources.ts";
import { ServiceResources } from "../../src/service/effects/resources.ts";
import { seams } from "../../src/service/service.ts";
import { programVersion } from "../../src/version.ts";
import { deadlines } from "../kit/deadlines.ts";
import { Gates, holdTimers } from "../kit/gates.ts";
import { turnedSource, unhurried } from "../kit/health-source.ts";
import { hourMs, hoursOf } from "../kit/hours.ts";
import { ask } from "../kit/http-client.ts";
import { reservePort } from "../kit/port-reservation.ts";
import { startProber } from "../kit/prober.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { registerRival } from "../kit/rival.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
const endings: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  proxy.mode = "pass";
  await proxy.accept();
  await redis.witness.flushall();
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

const soon = () => AbortSignal.timeout(deadlines.fact);
const never = new AbortController().signal;
const starting: LeaseWrite = { status: "starting", changed: true };

const open = (own: Partial<ResourcesOptions> = {}): ServiceResources => {
  const resources = new ServiceResources({
    service: "test",
    instance: "one",
    redis: proxy.through(redis.url),
    leaseTtlMs: 15_000,
    prepareTimeoutMs: 1000,
    isDegraded: () => false,
    describe: () => ({ host: "here", pid: 1, version: "1.0.0", uptimeMs: 0, health: null, metadata: {} }),
    loadHealth: undefined,
    ...own,
  });
  endings.push(() => resources.close({ signal: soon() }));
  return resources;
};

const healthOn = (probeThread: boolean) =>
  new HealthServer({ host: "127.0.0.1", port: 0, source: turnedSource(), probeThread, ...unhurried });

/** The caller's connection, which nothing of ours may touch. */
const callers = (url: string): Redis => {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: 0 });
  client.on("error", () => {});
  endings.push(() => client.disconnect());
  return client;
};

describe("the ping gate", () => {
  it("draws the incarnation meanwhile", async () => {
    const resources = open();
    expect(resources.incarnation).toBeUndefined();
    await resources.pingRedis({ signal: soon() });
    await eventually("it is drawn", () => resources.incarnation !== undefined);
    expect(await redis.witness.keys("sg:registry:service:*")).toEqual([]);
  });

  it("closes our connection at the deadline of an attempt, so that the next one connects anew", async () => {
    const resources = open();
    proxy.mode = "stall";
    const before = proxy.connections;
    await expect(resources.pingRedis({ signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
    });
    // where the machine stalls, the deadline comes before the proxy has accepted
    const stalled = await eventually("the stalled connection", () => proxy.connections > before && proxy.connections);
    proxy.mode = "pass";
    await resources.pingRedis({ signal: soon() });
    expect(proxy.connections).toBeGreaterThan(stalled);
  });

  it("leaves the caller's connection as it was", async () => {
    const client = callers(proxy.through(redis.url));
    await client.connect();
    const made = proxy.connections;
    let closed = 0;
    client.on("close", () => {
      closed += 1;
    });
    const resources = open({ redis: client, prepareTimeoutMs: 50 });
    proxy.mode = "stall";
    await expect(resources.pingRedis({ signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
    });
    expect([client.status, closed]).toEqual(["ready", 0]);
    // the registry's copy has made one
    await eventually("the copy's connection", () => proxy.connections - made === 1);
  });

  it("gives the incarnation a deadline of its own, so that registering does not wait for it", async () => {
    const resources = open({ prepareTimeoutMs: 100 });
    proxy.mode = "stall";
    const gate = resources.pingRedis({ signal: soon() }).catch(() => {});
    const patient = soon();
    await expect(resources.entry.register(starting, { signal: patient })).rejects.toMatchObject({ code: "SG_ERR_REGISTRY" });
    expect(patient.aborted).toBe(false);
    proxy.mode = "pass";
    proxy.cut();
    await gate;
  });
});

describe("the close", () => {
  it("ends at its signal although Redis does not answer, and leaves no connection", async () => {
    const resources = open();
    await resources.pingRedis({ signal: soon() });
    expect(await resources.entry.register(starting, { signal: soon() })).toEqual({ type: "ok" });
    proxy.mode = "stall";
    const asked = resources.redis.ping().catch(() => "cut");
    await resources.close({ signal: AbortSignal.timeout(50) });
    expect(await asked).toBe("cut");
    await eventually("no connection is left", () => proxy.open === 0);
  });

  it("ends a preparation that is under way", async () => {
    const resources = open({ prepareTimeoutMs: 60_000 });
    proxy.mode = "stall";
    const gate = resources.pingRedis({ signal: soon() }).catch(() => "over");
    await eventually("both connect", () => proxy.open === 2);
    await resources.close({ signal: soon() });
    expect(await gate).toBe("over");
    await eventually("no connection is left", () => proxy.open === 0);
  });

  it("does not touch the caller's client", async () => {
    const client = callers(redis.url);
    const resources = open({ redis: client });
    await resources.pingRedis({ signal: soon() });
    await resources.entry.register(starting, { signal: soon() });
    await resources.close({ signal: soon() });
    expect([client.status, await client.ping()]).toEqual(["ready", "PONG"]);
  });
});

describe("the health server", () => {
  it("is loaded once, during the boot", async () => {
    let loads = 0;
    const resources = open({
      loadHealth: async () => {
        loads += 1;
        return healthOn(false);
      },
    });
    expect([loads, resources.healthAddress]).toEqual([0, undefined]);
    resources.preload();
    expect(loads).toBe(1);
    await resources.openHealth({ signal: soon() });
    expect(loads).toBe(1);
    const { port } = resources.healthAddress!;
    expect((await ask(port, "/readyz")).status).toBe(200);
    await resources.closeHealth({ signal: soon() });
    expect(resources.healthAddress).toBeUndefined();
    await expect(ask(port, "/readyz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("has its thread started by the boot", async () => {
    const resources = open({ loadHealth: async () => healthOn(true) });
    const started = once(process as unknown as NodeJS.EventEmitter, "worker", { signal: soon() });
    resources.preload();
    const [worker] = (await started) as [Worker];
    await resources.openHealth({ signal: soon() });
    expect(worker.threadId).toBeGreaterThan(0);
  });

  it("that cannot be loaded fails when it is opened, not before, and can still be closed", async () => {
    const resources = open({ loadHealth: () => Promise.reject(new Error("no such module")) });
    resources.preload();
    await expect(resources.openHealth({ signal: soon() })).rejects.toThrow("no such module");
    await resources.closeHealth({ signal: soon() });
    await resources.close({ signal: soon() });
  });

  it("is gone with its thread once the resources are closed", async () => {
    const started = once(process as unknown as NodeJS.EventEmitter, "worker", { signal: soon() });
    const resources = open({ loadHealth: async () => healthOn(true) });
    await resources.openHealth({ signal: soon() });
    const [worker] = (await started) as [Worker];
    await resources.close({ signal: soon() });
    expect(worker.threadId).toBe(-1);
  });

  it("is gone as well where it was never opened", async () => {
    let loaded: HealthServer | undefined;
    const resources = open({
      loadHealth: async () => {
        loaded = healthOn(false);
        return loaded;
      },
    });
    resources.preload();
    await resources.close({ signal: soon() });
    await expect(loaded?.open({ signal: never })).rejects.toMatchObject({ code: "SG_ERR_HEALTH_OPEN_FAILED" });
  });

  it("is destroyed at once where it is loaded after the close", async () => {
    const gates = new Gates();
    const late = healthOn(false);
    const coming = gates.hold("load").then(() => late);
    const resources = open({ loadHealth: () => coming });
    resources.preload();
    await resources.close({ signal: AbortSignal.timeout(20) });
    gates.openAll();
    await coming;
    await expect(late.open({ signal: never })).rejects.toMatchObject({ code: "SG_ERR_HEALTH_OPEN_FAILED" });
  });

  it("may be absent", async () => {
    const resources = open();
    resources.preload();
    await resources.openHealth({ signal: soon() });
    await resources.closeHealth({ signal: soon() });
    expect(resources.healthAddress).toBeUndefined();
  });
});

describe("a service with the real resources", () => {
  const run = async (options: Partial<ServiceOptions>, Tier = TestTier): Promise<TestTier> => {
    const tier = new Tier({ redis: redis.url, probeThread: false, ...options });
    endings.push(() => tier.shutdown());
    void tier.runToCompletion();
    await tier.waitFor("running");
    return tier;
  };
  const written = async ({ instanceId }: TestTier): Promise<RegistryEntry> =>
    JSON.parse(
      await eventually("it is running", async () => {
        const text = await redis.witness.get(`sg:registry:service:test:${instanceId}`);
        return text?.includes('"running"') && text;
      }),
    );
  const portOf = async (tier: TestTier): Promise<number> => (await written(tier)).health!.port;

  it("registers with its address and when its status began, and with what `describe` adds to the metadata", async () => {
    class Described extends TestTier {
      protected override describe() {
        return { ...super.describe(), port: 1234 };
      }
    }
    const tier = await run({ metadata: { zone: "b" } }, Described);
    const entry = await written(tier);
    expect(entry).toMatchObject({ host: hostname(), pid: process.pid, metadata: { zone: "b", port: 1234 } });
    expect(hoursOf(entry.startedAt + 2 * hourMs - (await timeOf(redis.witness)))).toBe(2);
  });

  it.each([
    [{ SG_VERSION: "7.1.0", npm_package_version: "1.0.0" }, "7.1.0"],
    [{ SG_VERSION: undefined, npm_package_version: "1.2.3" }, "1.2.3"],
    [{ SG_VERSION: undefined, npm_package_version: undefined }, programVersion()],
  ])("its version is that of %j", async (env, version) => {
    const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
    const put = (pairs: readonly (readonly [string, string | undefined])[]) => {
      for (const [name, value] of pairs) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    };
    put(Object.entries(env));
    try {
      expect((await written(await run({ useHealthServer: false }))).version).toBe(version);
    } finally {
      put(before);
    }
  });

  it("its version is read once: each scrape has that of the entry", async () => {
    const before = process.env.SG_VERSION;
    process.env.SG_VERSION = "7.1.0";
    try {
      const tier = await run({});
      expect((await written(tier)).version).toBe("7.1.0");
      process.env.SG_VERSION = "7.2.0";
      const port = await portOf(tier);
      expect((await ask(port, "/metrics")).body).toContain('version="7.1.0"');
    } finally {
      if (before === undefined) delete process.env.SG_VERSION;
      else process.env.SG_VERSION = before;
    }
  });

  it("checks Redis for its readiness only where Redis is required", async () => {
    const asks = async (options: Partial<ServiceOptions>) => {
      const port = await portOf(await run({ instanceId: `i${endings.length}`, ...options }));
      return (await ask(port, "/metrics")).body.includes("sg_redis_reachable");
    };
    expect([await asks({}), await asks({ redisRequired: false })]).toEqual([true, false]);
  });

  it("has a probe thread only with `probeThread`, and that knows the state while the loop is blocked", async () => {
    let threads = 0;
    const count = () => {
      threads += 1;
    };
    process.on("worker", count);
    endings.push(() => process.off("worker", count));
    await portOf(await run({ instanceId: "without" }));
    expect(threads).toBe(0);
    const port = await portOf(await run({ instanceId: "with", probeThread: true, readinessBlockMs: 100 }));
    expect(threads).toBe(1);
    const prober = await startProber(port, "/status", "event loop blocked");
    endings.push(() => prober.destroy());
    prober.blockUntilSeen();
    const blocked = (await prober.stop()).filter(({ status }) => status === 503);
    expect(blocked.at(-1)?.data).toMatchObject({ state: "running", readiness: { ready: false } });
  });

  it("is ready without Redis", async () => {
    const { port } = await reservePort();
    await run({ redis: null, useHealthServer: true, healthPort: port });
    expect((await ask(port, "/metrics")).body).not.toContain("sg_redis_reachable");
    await eventually("ready", async () => (await ask(port, "/readyz")).status === 200);
  });

  it("has the facts of the health server among its own, and in the flight recording", async () => {
    const facts: ServiceFact[] = [];
    const tier = await run({ redis: proxy.through(redis.url) });
    tier.onFact((fact) => void facts.push(fact));
    await written(tier);
    await proxy.refuse();
    const fallen = await eventually("the fact", () => facts.find(({ type }) => type === "redis.unreachable"));
    expect(fallen).toEqual({ type: "redis.unreachable", failures: 3, reason: "connection refused" });
    await proxy.accept();
    await eventually("and that it is back", () => facts.some(({ type }) => type === "redis.restored"));
    const remembered = tier.flight().entries.flatMap((entry) => (entry.kind === "fact" ? [entry.fact.type] : []));
    expect(remembered).toEqual(expect.arrayContaining(["redis.unreachable", "redis.restored"]));
  });

  it("shows an inspector the chart of the health port, from the boot until it is gone", async () => {
    const paths: string[] = [];
    const tier = new TestTier({ redis: null, useHealthServer: true, healthPort: 0, probeThread: true });
    tier.actor.inspect((event) => {
      if (event.type === "@xstate.microstep" && (event.actorRef as { id?: string }).id === healthPortMachine.id)
        paths.push(statePath(event.snapshot as never));
    });
    await tier.boot();
    await tier.shutdown();
    expect(paths.slice(0, 2)).toEqual(["closed.prepared", "starting.choosing"]);
    expect(paths).toContain("listening.port.thread+checks.due");
    expect(paths.at(-1)).toBe("gone");
  });

  it("answers that it stops, and ends each connection with the answer", async () => {
    const drainDelayMs = 7777;
    const { clock, end } = holdTimers(drainDelayMs);
    const tier = await run({ drainDelayMs, [seams]: { clock } } as Partial<ServiceOptions>);
    const port = await portOf(tier);
    const agent = new Agent({ keepAlive: true });
    endings.push(() => agent.destroy());
    expect((await ask(port, "/readyz", { agent })).headers.connection).toBe("keep-alive");
    void tier.shutdown();
    const { status, data, headers } = await ask(port, "/readyz", { agent });
    expect([status, data, headers.connection]).toEqual([503, { ready: false, reason: "the service is in 'stopping'" }, "close"]);
    end();
  });

  /** The present answer of `/readyz`, requested by another process while this one is blocked. */
  const readyzNow = (port: number): unknown => {
    const askAtOnce = `fetch("http://127.0.0.1:${port}/readyz").then((reply) => reply.text()).then(console.log)`;
    return JSON.parse(execFileSync(process.execPath, ["-e", askAtOnce], { encoding: "utf8", timeout: deadlines.fact }));
  };
  const patient = { probeThread: true, readinessBlockMs: 30_000, livenessBlockMs: 30_000 };
  const unready = { ready: false, reason: "the service is in 'stopping'" };

  it("answers 503 to probes before a subscriber sees 'stopping'", async () => {
    const { port } = await reservePort();
    const tier = new TestTier({ redis: null, useHealthServer: true, healthPort: port, ...patient });
    endings.push(() => tier.shutdown());
    let answer: unknown;
    tier.actor.subscribe(() => {
      if (tier.state === "stopping") answer ??= readyzNow(port);
    });
    await tier.boot();
    await tier.shutdown();
    expect(answer).toEqual(unready);
  });

  it("answers 503 to probes before a listener gets `lease.superseded`", async () => {
    const { port } = await reservePort();
    const tier = await run({ redis: redis.url, healthPort: port, heartbeatMs: 50, ...patient });
    await written(tier);
    let answer: unknown;
    tier.onFact(({ type }) => {
      if (type === "lease.superseded") answer = readyzNow(port);
    });
    await registerRival(redis, "test", tier.instanceId);
    await tier.waitFor("stopped");
    expect(answer).toEqual(unready);
  });
});
