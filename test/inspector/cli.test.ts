/** `stargazer inspect` as a process: a running instance, read from another shell. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Registry } from "../../src/registry/registry.ts";
import { seams } from "../../src/service/service.ts";
import type { ServiceOptions } from "../../src/service/types.ts";
import type { Shell } from "../kit/cli.ts";
import { openShell } from "../kit/cli.ts";
import { holdTimers } from "../kit/gates.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import type { TestHooks } from "../kit/tier.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let shell: Shell;
const services: TestTier[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  shell = openShell();
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.shutdown()));
});
afterAll(async () => {
  shell.remove();
  await redis.stop();
});

const running = async (options: Partial<ServiceOptions> = {}, hooks: TestHooks = {}): Promise<TestTier> => {
  const service = new TestTier({ redis: redis.url, serviceName: "sample", ...options }, hooks);
  services.push(service);
  void service.runToCompletion();
  await service.waitFor("running");
  // the first /status loads Fastify, which on a busy machine may take longer than the command waits
  const entries = await new Registry(redis.witness).list("sample");
  const health = entries.find(({ instance }) => instance === service.instanceId)?.health;
  if (health) await eventually("/status", async () => (await fetch(`http://${health.host}:${health.port}/status`)).ok);
  return service;
};

const inspect = (...args: string[]) => shell.run(["inspect", ...args, "--redis", redis.url]);

describe("stargazer inspect", () => {
  it("shows the spine with the active state, the lease, the last transitions and the boot as a tree", async () => {
    await running({ instanceId: "one" }, { onStart: ({ phase }) => phase("tools", () => {}) });
    const { code, out, err } = await inspect("sample");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^sample\/one {2}pid \d+ on \S+, up for /);
    expect(out).toMatch(/\u2713 healthy .*\n {2}\u25cf running .*\n {2}\u00b7 stopping\n {2}\u00b7 stopped/);
    expect(out).toMatch(/\nlease\n {2}held\.\w+, confirmed .* ago/);
    expect(out).toMatch(/healthy \u2192 running\n/);
    expect(out).toMatch(/├─ starting .*\n.*└─ tools/);
    expect(out).not.toContain("\u001b");
  });

  it("--json is what /status answers", async () => {
    await running({ instanceId: "one" });
    const { out } = await inspect("sample/one", "--json");
    expect(JSON.parse(out)).toMatchObject({ service: "sample", instance: "one", state: "running", lease: { missed: 0 } });
  });

  it("lists the instances where several match, and takes the beginning of a name", async () => {
    await Promise.all([running({ instanceId: "red-1" }), running({ instanceId: "blue-2" })]);
    const which = await inspect("sample");
    expect([which.code, which.err]).toEqual([2, expect.stringContaining("name one: sample/blue-2, sample/red-1")]);
    const { code, out } = await inspect("sample/red");
    expect([code, out.split("\n")[0]]).toEqual([0, expect.stringContaining("sample/red-1")]);
  });

  it("shows the substate of an instance that stops", async () => {
    const drainDelayMs = 7777;
    const { clock, end } = holdTimers(drainDelayMs);
    const service = await running({ instanceId: "one", drainDelayMs, [seams]: { clock } } as Partial<ServiceOptions>);
    void service.shutdown();
    await service.waitFor("stopping");
    const { out } = await inspect("sample/one");
    end();
    expect(out).toContain("\u25cf stopping \u203a announcing");
  });

  it("shows why an instance is not ready", async () => {
    const service = await running({ instanceId: "one", checks: { disk: { check: () => false, failures: 1 } } });
    const answer = async () => (await fetch(`http://127.0.0.1:${service.healthAddress!.port}/readyz`)).text();
    await eventually("the check has failed", async () => (await answer()).includes("it returned false"));
    const { out } = await inspect("sample/one");
    expect(out).toContain("not ready: the check 'disk' failed: it returned false");
  });

  it("names what is wrong where the instance is absent, has no health server or has no name", async () => {
    const absent = await inspect("absent");
    expect([absent.code, absent.err]).toEqual([1, expect.stringContaining("absent is not registered in redis://")]);
    await running({ instanceId: "silent", useHealthServer: false });
    const silent = await inspect("sample/silent");
    expect([silent.code, silent.err]).toEqual([1, expect.stringContaining("has no health server, so its state cannot be read")]);
    const none = await inspect();
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("name one service, or service/instance")]);
  });

  it("reports an instance that was killed as out of reach", async () => {
    const program = shell.start(["run", fileURLToPath(new URL("../fixtures/modules/registered.mjs", import.meta.url))], {
      REDIS_URL: redis.url,
      SG_HEALTH_PORT: "0",
    });
    await program.line("it runs", (line) => line.includes("registered runs"));
    program.child.kill("SIGKILL");
    await program.ended;
    const { code, err } = await inspect("registered");
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/did not answer at http:\/\/127\.0\.0\.1:\d+\/status: .*ECONNREFUSED/),
    ]);
  });

  it("F57: shows what the probe thread of a blocked instance answers, and not that it may be gone", async () => {
    const program = shell.start(["run", fileURLToPath(new URL("../fixtures/modules/blocked.mjs", import.meta.url))], {
      REDIS_URL: redis.url,
      SG_HEALTH_PORT: "0",
    });
    try {
      await eventually("the probe thread answers for the main thread", async () => {
        const [entry] = await new Registry(redis.witness).list("blocked");
        if (entry?.health == null) return false;
        return (await fetch(`http://127.0.0.1:${entry.health.port}/status`)).status === 503;
      });
      const { code, err } = await inspect("blocked");
      expect(code).toBe(1);
      expect(err).toMatch(
        /SG_ERR_FAILED blocked\/one is there, but its main thread does not answer: event loop blocked for \d+ ms\./,
      );
      expect(err).toMatch(
        /'running'; \/readyz: 503 \(event loop blocked for \d+ ms\); \/healthz: (?:200 \(ok\)|503 \(event loop)/,
      );
      expect(err).not.toContain("may be gone");
    } finally {
      program.child.kill("SIGKILL");
      await program.ended;
    }
  });

  it.each([
    ["sampel", "sampel is not registered in .* (did you mean sample?): there are .*sample"],
    ["sample/onn", "sample/onn is not registered in .* (did you mean one?): there is only one"],
  ])("F57: suggests the name that %s may stand for", async (name, says) => {
    await running({ instanceId: "one" });
    const { code, err } = await inspect(name);
    expect([code, err]).toEqual([1, expect.stringMatching(says.replace(/[(?)]/g, "\\$&"))]);
  });
});

describe("stargazer run --inspect", () => {
  it.each([
    ["--inspect=nonsense", {}],
    ["", { SG_INSPECT: "nonsense" }],
  ])("%s %j is refused before anything is touched", async (option, env) => {
    const sample = fileURLToPath(new URL("../fixtures/modules/class.mjs", import.meta.url));
    const { code, out, err } = await shell.run(["run", sample, ...(option === "" ? [] : [option])], { env });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain('"nonsense"; it may be page, a port, stately, or a ws:// URL');
  });
});
