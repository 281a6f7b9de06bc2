/** The flight recording of a service: bounded, plain JSON, and a path that can be replayed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FlightRecording } from "../../src/flight/index.ts";
import { driveLifecycle, parseFlight, rerun, storyOf } from "../../src/flight/index.ts";
import type { ServiceFact } from "../../src/index.ts";
import { Ring } from "../../src/ring.ts";
import { lived } from "../kit/lived.ts";
import { aborted, hangs, TestTier } from "../kit/tier.ts";

describe("a recording", () => {
  it("is kept in a ring that drops the oldest items and numbers on", () => {
    const ring = new Ring<number>(3);
    expect([ring.newest, ring.dropped, ring.after()]).toEqual([0, 0, []]);
    for (const item of [1, 2, 3, 4, 5]) ring.add(item);
    expect([ring.newest, ring.dropped]).toEqual([5, 2]);
    expect([ring.after(), ring.after(3), ring.after(5)]).toEqual([[3, 4, 5], [4, 5], []]);
  });

  it("has at most 256 entries, however long the service runs", async () => {
    const tier = new TestTier(
      { redis: null },
      {
        run: async ({ phase }) => {
          for (let at = 0; at < 500; at += 1) await phase("beat", () => {});
        },
      },
    );
    await tier.runToCompletion();
    const flight = tier.flight();
    expect(flight.entries).toHaveLength(256);
    expect(flight.dropped).toBeGreaterThan(0);
    expect(rerun(flight)).toBeUndefined();
    expect(storyOf(flight)[0]?.text).toMatch(/older entries are gone/);
  });

  it("is plain JSON, also where a tier throws cycles and big integers", async () => {
    const cyclic: Record<string, unknown> = { big: 1n, fn: () => {} };
    cyclic.self = cyclic;
    const odd = Object.assign(new Error("odd"), { code: "E_ODD", cause: cyclic });
    const tier = new TestTier({ redis: null }, { run: () => Promise.reject(odd) });
    await tier.runToCompletion();
    const thrown = new TestTier({ redis: null }, { run: () => Promise.reject(cyclic) });
    await thrown.runToCompletion();
    for (const { flight } of [tier, thrown].map((one) => ({ flight: one.flight() }))) {
      expect(parseFlight(JSON.stringify(flight), "memory")).toEqual(JSON.parse(JSON.stringify(flight)));
      expect(rerun(flight)).toEqual({ same: true });
    }
  });

  it("can be read while the service runs, and has no end then", async () => {
    const tier = new TestTier({ redis: null });
    void tier.runToCompletion();
    await tier.waitFor("running");
    expect(tier.flight()).toMatchObject({ path: "running", end: null });
    await tier.shutdown();
    expect(tier.flight().end?.outcome).toBe("shutdown");
  });
});

describe("the file of a recording", () => {
  let folder: string;
  const facts: ServiceFact[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sg-flight-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    facts.length = 0;
  });
  const stopped = async () => {
    const tier = new TestTier({ redis: null, serviceName: "kept", instanceId: "k1" }, { run: () => {} });
    tier.onFact((fact) => void facts.push(fact));
    await tier.runToCompletion();
    return tier;
  };

  it("holds the whole recording, and a fact names its path", async () => {
    const tier = await stopped();
    const before = tier.flight();
    tier.saveFlight(folder);
    const fact = facts.at(-1);
    expect(fact).toMatchObject({ type: "flight.written", path: expect.stringContaining("-kept-") });
    const { path } = fact as { path: string };
    const { writtenAt, uptimeMs, ...kept } = parseFlight(readFileSync(path, "utf8"), path);
    expect([writtenAt, uptimeMs]).toEqual([expect.any(Number), expect.any(Number)]);
    const { writtenAt: _, uptimeMs: __, ...known } = JSON.parse(JSON.stringify(before)) as FlightRecording;
    expect(kept).toEqual(known);
    expect(kept).toMatchObject({
      service: "kept",
      instance: "k1",
      pid: process.pid,
      path: "stopped",
      settings: { jitterMaxMs: 0 },
      end: { outcome: "completed", reason: "run returned", failures: [] },
    });
    expect(kept.phases.map(({ phase }) => phase)).toEqual(expect.arrayContaining(["init", "running", "stopped"]));
  });

  it("is written to a folder that did not exist", async () => {
    const tier = await stopped();
    tier.saveFlight(join(folder, "not", "there"));
    expect(readdirSync(join(folder, "not", "there"))).toHaveLength(1);
  });

  it("has a name of its own, also where services of one name stop in the same millisecond", async () => {
    const tiers = Array.from({ length: 8 }, (_, at) => new TestTier({ redis: null, instanceId: `k${at}` }, { run: () => {} }));
    for (const tier of tiers) tier.onFact((fact) => void facts.push(fact));
    await Promise.all(tiers.map((tier) => tier.runToCompletion()));
    for (const tier of tiers) tier.saveFlight(folder);
    expect(readdirSync(folder)).toHaveLength(8);
    expect(facts.filter(({ type }) => type === "flight.lost")).toEqual([]);
  });

  it("that cannot be written is a fact with the reason, and nothing is thrown", async () => {
    const tier = await stopped();
    tier.saveFlight("/dev/null/nowhere");
    expect(facts.at(-1)).toEqual({ type: "flight.lost", reason: expect.stringContaining("ENOTDIR") });
  });
});

it("an event whose error has a message that is no text is replayed to the same path", () => {
  const odd = { type: "xstate.error.actor.pingRedis", error: { message: { toString: 1 } } };
  const events = [{ type: "boot" }, { type: "xstate.after.bootJitter.lifecycle.jitter" }, odd];
  expect(driveLifecycle({ pingAttempts: 1 }, events).paths.at(-1)).toMatch(/^stopping\./);
});

describe("a replay takes the recorded path", () => {
  const lives: readonly [string, () => Promise<FlightRecording>][] = [
    ["a start that fails", () => lived({ onStart: () => Promise.reject(new Error("no")) })],
    ["a start that is cut", () => lived({ onStart: hangs }, { startTimeoutMs: 20, drainTimeoutMs: 20 })],
    ["a run that ignores its signal", () => lived({ run: hangs }, { drainTimeoutMs: 20 }, "running")],
    ["a shutdown with an error", () => lived({ run: ({ signal }) => aborted(signal) }, {}, "running")],
    ["no Redis", () => lived({}, { redis: "redis://127.0.0.1:1", pingAttempts: 2 })],
    [
      "no Redis, but optional",
      () =>
        lived({ run: () => {} }, { redis: "redis://127.0.0.1:1", pingAttempts: 1, redisRequired: false, registerTimeoutMs: 50 }),
    ],
  ];
  it.each(lives)("%s", async (_, life) => {
    const flight = await life();
    expect(rerun(flight)).toEqual({ same: true });
    const events = flight.entries.flatMap((entry) => (entry.kind === "step" && !entry.always ? [entry.event] : []));
    const { outcome, reason } = driveLifecycle(flight.settings, events);
    expect({ outcome, reason }).toEqual({ outcome: flight.end?.outcome, reason: flight.end?.reason });
  });
});
