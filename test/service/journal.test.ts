/** The journal of a service: what it has of a life, what it costs where Redis is away or refuses it, and how a stop is counted. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { findFlight } from "../../src/cli/kept-flight.ts";
import { readEnds } from "../../src/journal/ends.ts";
import type { JournalEntry, JournalItem } from "../../src/journal/entry.ts";
import { JournalReader } from "../../src/journal/reader.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { ServiceFact } from "../../src/service/report/facts.ts";
import type { HookContext } from "../../src/service/types.ts";
import { deadlines } from "../kit/deadlines.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
beforeAll(async () => {
  // as in a built package, where it is loaded with the service
  await import("../../src/service/effects/boot-journal.ts");
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await proxy.accept();
  await redis.witness.flushall();
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

const signal = () => AbortSignal.timeout(deadlines.fact);
const entries = (): Promise<JournalEntry[]> =>
  new JournalReader(redis.witness).backwards({ limit: 10_000, sinceMs: deadlines.long, signal: signal() });
const items = async (): Promise<JournalItem[]> => (await entries()).flatMap((entry) => entry.items);
const isWritten = async (): Promise<boolean> => (await items()).length > 0;
/** The last message counts the stop. */
const lastMessage = (): Promise<unknown> =>
  eventually("the last message", async () => (await readEnds(redis.witness)).some(({ outcome }) => outcome !== "expired"));

const make = (
  options: Partial<ConstructorParameters<typeof TestTier>[0]> = {},
  hooks: ConstructorParameters<typeof TestTier>[1] = {},
) => {
  const tier = new TestTier(
    { redis: redis.url, serviceName: "orders", instanceId: "orders-1", useHealthServer: false, ...options },
    hooks,
  );
  const facts: ServiceFact[] = [];
  const arrows: string[] = [];
  tier.onFact((fact) => facts.push(fact));
  tier.actor.inspect((event) => {
    if (event.type !== "@xstate.microstep" || (event.actorRef as { id?: string }).id !== "lifecycle") return;
    if (event._transitions.length > 0 && !event.event.type.startsWith("phase.")) arrows.push(event.event.type);
  });
  return { tier, facts, arrows };
};

/** A stop that ends before the journal has been loaded is in no journal. */
const runsInJournal = async (tier: TestTier): Promise<void> => {
  await tier.waitFor("running");
  await eventually("the boot", async () => (await items()).some((item) => item.kind === "step" && item.path === "running"));
};

describe("a life", () => {
  /** Has the journal loaded only once the returned function is called. */
  const loadedLate = (): (() => void) => {
    let load = () => {};
    const gate = new Promise<void>((resolve) => {
      load = resolve;
    });
    vi.doMock(boot, async (original) => {
      await gate;
      return original();
    });
    return load;
  };
  const boot = "../../src/service/effects/boot-journal.ts";
  afterEach(() => vi.doUnmock(boot));

  it("has its readiness in the journal where its boot was over before the journal had been loaded", async () => {
    const load = loadedLate();
    const { tier } = make();
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    expect(await items()).toEqual([]);
    load();
    await eventually("its readiness", async () => (await items()).some((item) => item.kind === "ready" && item.ready));
    await tier.shutdown();
    await report;
    await lastMessage();
  });

  it("has the deadline of a phase that began before the journal had been loaded", async () => {
    const load = loadedLate();
    let complete = () => {};
    const completed = new Promise<void>((resolve) => {
      complete = resolve;
    });
    const { tier, arrows } = make({}, { onStart: (context) => context.phase("model", () => completed) });
    const report = tier.runToCompletion();
    await eventually(
      "the phase",
      () => tier.status().path === "starting.model" || tier.status().phases.some(({ phase }) => phase === "starting.model"),
    );
    load();
    const began = async () => (await items()).find((item) => item.kind === "began");
    expect(await eventually("its beginning", began)).toMatchObject({ phase: "starting.model", deadlineMs: expect.any(Number) });
    expect(arrows).not.toContain("xstate.done.actor.startTier");
    complete();
    await tier.shutdown();
    await report;
    await lastMessage();
  });

  it("is in the journal arrow by arrow, with its phases, its readiness and how it ended, under the boot of its entry", async () => {
    // a journal that is loaded later has no deadline of a phase that is over
    const onStart = async ({ phase }: HookContext) => {
      await eventually("the journal", isWritten);
      await phase("model", () => {});
    };
    const { tier, arrows } = make({}, { onStart });
    const report = tier.runToCompletion();
    await runsInJournal(tier);
    const [registered] = await new Registry(redis.witness).list("orders");
    await tier.shutdown("enough");
    await report;
    await lastMessage();
    const [all, written] = [await items(), await entries()];
    expect(all.flatMap((item) => (item.kind === "step" ? [item.event] : []))).toEqual(arrows.slice(0, -1));
    expect(arrows.at(-1)).toBe("xstate.done.actor.closeRedis");
    expect(all).toContainEqual(
      expect.objectContaining({ kind: "began", phase: "starting.model", deadlineMs: expect.any(Number) }),
    );
    expect(all).toContainEqual(expect.objectContaining({ kind: "ended", phase: "starting.model", outcome: "done" }));
    expect(all.flatMap((item) => (item.kind === "ready" ? [item.ready] : []))).toEqual([false, true, false]);
    expect(all).toContainEqual(expect.objectContaining({ kind: "waits", what: "the tier's run", deadlineMs: null }));
    expect(all).toContainEqual(expect.objectContaining({ kind: "waits", what: "the tier's onStart" }));
    expect(all.at(-1)).toMatchObject({ kind: "end", outcome: "shutdown", reason: "enough", failures: [] });
    // nothing was deferred, so what leads there is not sent ahead of it
    const last = written.at(-1)!.items.flatMap((item) => (item.kind === "step" ? [item.path] : []));
    expect(last).toContain("stopping.releasing");
    expect(new Set(written.map(({ boot }) => boot))).toEqual(new Set([registered!.boot]));
    expect(written.at(-1)).toMatchObject({ incarnation: registered!.incarnation, version: registered!.version });
    expect(await readEnds(redis.witness)).toEqual([
      { service: "orders", version: registered!.version, outcome: "shutdown", count: 1 },
    ]);
    expect(await redis.witness.keys("sg:fleet:*")).toHaveLength(2);
  });

  it("that hangs in onStart is there before it is registered, with what it waits for", async () => {
    const { tier } = make(
      {},
      { onStart: ({ signal: stop }) => new Promise((resolve) => stop.addEventListener("abort", () => resolve())) },
    );
    const report = tier.runToCompletion();
    await eventually("the wait", async () =>
      (await items()).some((item) => item.kind === "waits" && item.what === "the tier's onStart"),
    );
    expect(await new Registry(redis.witness).list("orders")).toEqual([]);
    await tier.shutdown();
    await report;
    await lastMessage();
  });

  it("whose onStop fails after its entry was deleted is counted once, as failed, and its recording is kept in Redis", async () => {
    const { tier } = make({}, { onStop: () => Promise.reject(new Error("no room")) });
    const report = tier.runToCompletion();
    await runsInJournal(tier);
    await tier.shutdown();
    await report;
    await lastMessage();
    const ends = (await items()).filter((item) => item.kind === "end");
    expect(ends.map(({ outcome }) => outcome)).toEqual(["shutdown", "failed"]);
    expect(ends[1]!.failures).toMatchObject([{ code: "SG_ERR_STOP_FAILED", message: "onStop failed: no room" }]);
    expect(await readEnds(redis.witness)).toMatchObject([{ outcome: "failed", count: 1 }]);
    const { recording, isRebuilt } = await findFlight(redis.witness, { service: "orders", instance: "orders-1" });
    expect({ isRebuilt, end: recording.end }).toMatchObject({ isRebuilt: false, end: { outcome: "failed" } });
    const byBeginning = await findFlight(redis.witness, { service: "orders", instance: "orders-" });
    expect(byBeginning.recording).toEqual(recording);
  });

  it("that fails in onStart is counted, although it was never registered", async () => {
    // a last message without a connection that is ready is not sent
    const onStart = () => eventually("the journal", isWritten).then(() => Promise.reject(new Error("EACCES")));
    const { tier } = make({}, { onStart });
    await tier.runToCompletion();
    await lastMessage();
    expect(await readEnds(redis.witness)).toMatchObject([{ service: "orders", outcome: "failed", count: 1 }]);
  });

  it("with phases of run beyond ten a second has the rest counted, and each beginning has its end", async () => {
    const { tier } = make(
      {},
      {
        run: async ({ phase }) => {
          // a journal that is loaded later has the last entries of the recorder alone
          await eventually("the journal", isWritten);
          for (let at = 0; at < 100; at += 1) await phase("job", () => {});
        },
      },
    );
    await tier.runToCompletion();
    await lastMessage();
    const all = await items();
    const began = all.filter((item) => item.kind === "began");
    const ended = all.filter((item) => item.kind === "ended" && item.phase === "running.job");
    const counted = all.flatMap((item) => (item.kind === "counted" ? [item.phases] : []));
    expect(began.length + counted.reduce((sum, phases) => sum + phases, 0)).toBe(100);
    expect(ended).toHaveLength(began.length);
    expect(counted).not.toEqual([]);
  });
});

describe("the journal", () => {
  it("with SG_JOURNAL=0 is not written, and neither are its counts", async () => {
    vi.stubEnv("SG_JOURNAL", "0");
    const { tier, facts } = make({}, { onStop: () => Promise.reject(new Error("no room")) });
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    await tier.shutdown();
    await report;
    expect(await redis.witness.keys("sg:fleet:*")).toEqual([]);
    expect(facts.filter(({ type }) => type === "journal.off")).toEqual([]);
  });

  it("keeps the newest 64 turns while Redis is away, and then has how many were lost", async () => {
    const { tier } = make({ redis: proxy.through(redis.url), instanceId: "away" });
    const report = tier.runToCompletion();
    await runsInJournal(tier);
    await proxy.refuse();
    const turns = 100;
    for (let at = 0; at < turns; at += 1) {
      await expect(tier.boot()).rejects.toMatchObject({ code: "SG_ERR_ILLEGAL_TRANSITION" });
      await new Promise(setImmediate);
    }
    await proxy.accept();
    const lost = await eventually("the loss", async () => (await items()).find((item) => item.kind === "lost"));
    expect(lost).toMatchObject({ kind: "lost", count: expect.any(Number) });
    const refused = (await items()).filter((item) => item.kind === "fact" && item.type === "command.refused");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(64);
    await tier.shutdown();
    await report;
    await lastMessage();
  });

  it("that the user may not write is off with one warning, and the service boots, stops and is deregistered", async () => {
    const rules = ["on", ">pw", "&*", "+@all", "~sg:registry:*"];
    await redis.witness.acl("SETUSER", "unjournaled", "reset", ...rules);
    const url = new URL(redis.url);
    [url.username, url.password] = ["unjournaled", "pw"];
    const { tier, facts } = make({ redis: url.href });
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    await eventually("the warning", () => facts.some(({ type }) => type === "journal.off"));
    expect(await new Registry(redis.witness).list("orders")).toHaveLength(1);
    await tier.shutdown();
    expect(await report).toMatchObject({ outcome: "shutdown", failures: [] });
    const off = facts.filter(({ type }) => type === "journal.off");
    expect(off).toEqual([
      { type: "journal.off", reason: expect.stringContaining("its user may not use the key sg:fleet:known:orders") },
    ]);
    expect(await new Registry(redis.witness).list("orders")).toEqual([]);
    expect(await redis.witness.keys("sg:fleet:*")).toEqual([]);
  });

  it("whose user loses the right while the service runs is off with one warning, and the entry is deleted all the same", async () => {
    await redis.witness.acl("SETUSER", "losing", "reset", "on", ">pw", "&*", "+@all", "~sg:*");
    const url = new URL(redis.url);
    [url.username, url.password] = ["losing", "pw"];
    const { tier, facts } = make({ redis: url.href });
    const report = tier.runToCompletion();
    await runsInJournal(tier);
    await redis.witness.acl("SETUSER", "losing", "resetkeys", "~sg:registry:*");
    await tier.shutdown();
    expect(await report).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(facts.filter(({ type }) => type === "journal.off")).toHaveLength(1);
    expect(await new Registry(redis.witness).list("orders")).toEqual([]);
  });

  it("whose key holds another program's value is off with one warning, and the entry is deleted all the same", async () => {
    await redis.witness.set("sg:fleet:journal", "mine");
    const { tier, facts } = make();
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    await eventually("the warning", () => facts.some(({ type }) => type === "journal.off"));
    await tier.shutdown();
    expect(await report).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(facts.filter(({ type }) => type === "journal.off")).toHaveLength(1);
    expect(await new Registry(redis.witness).list("orders")).toEqual([]);
    expect(await redis.witness.get("sg:fleet:journal")).toBe("mine");
  });
});
