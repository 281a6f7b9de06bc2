/** At most one instance leads, a leader that was replaced cannot commit, and a service shows what it leads. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fromCallback, fromPromise, setup } from "xstate";
import type { Companion, LeadershipTimes } from "../../machines/index.ts";
import { parseFlight, rerun, storyOf } from "../../src/flight/index.ts";
import type { ServiceFact, StopReport } from "../../src/index.ts";
import { commitFenced } from "../../src/leadership/commit.ts";
import { leadershipKeys } from "../../src/leadership/keys.ts";
import type { Term } from "../../src/leadership/lead.ts";
import { lead } from "../../src/leadership/lead.ts";
import { beatsAt } from "../kit/beats.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, hangs, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

/** renewed often, and so long that no stall of a busy machine ends a term */
const lasting = {
  lockTtlMs: 60_000,
  renewDeadlineMs: 50_000,
  renewMs: 150,
  retryMs: 30,
  pollMs: 50,
  askTimeoutMs: 10_000,
  yieldTimeoutMs: 20_000,
};
/** no renewal comes in between */
const still = { ...lasting, renewMs: 20_000 };
/** ends soon where Redis does not answer */
const quick = { ...lasting, lockTtlMs: 600, renewDeadlineMs: 500, askTimeoutMs: 200 };
const untilAborted = ({ signal }: Term): Promise<void> => aborted(signal);
const options = () => ({ redis: redis.url, useHealthServer: false });

const tiers: TestTier[] = [];
afterEach(async () => {
  await Promise.all(tiers.splice(0).map((tier) => tier.shutdown()));
});

interface Candidate {
  readonly tier: TestTier;
  /** those it has led, in order */
  readonly terms: readonly Term[];
  readonly facts: readonly ServiceFact[];
  readonly report: Promise<StopReport>;
  leads(): boolean;
}

/** A service whose `run` leads "test". */
const candidate = (
  task: (term: Term) => Promise<void> | void = untilAborted,
  times: Partial<LeadershipTimes> = lasting,
  given: object = {},
): Candidate => {
  const terms: Term[] = [];
  const facts: ServiceFact[] = [];
  const noted = (term: Term) => {
    terms.push(term);
    return task(term);
  };
  const tier = new TestTier({ ...options(), ...given }, { run: (context) => lead(context, { name: "test", times }, noted) });
  tier.onFact((fact) => void facts.push(fact));
  tiers.push(tier);
  return { tier, terms, facts, report: tier.runToCompletion(), leads: () => terms.some(({ signal }) => !signal.aborted) };
};
const lock = () => leadershipKeys(redis.witness).leader("test");
const about = (facts: readonly ServiceFact[]) => facts.filter(({ type }) => type.startsWith("leadership."));

it("F64: is kept, and commits, over a client of the user's that has texts for numbers", async () => {
  const client = new Redis(redis.url, { stringNumbers: true });
  const led: Term[] = [];
  const tier = new TestTier(
    { redis: client },
    {
      run: (context) =>
        lead(context, { name: "texts", times: lasting }, async (term) => {
          led.push(term);
          await term.commit(["sg:led"], [["SET", "sg:led", "1"]]);
          await aborted(term.signal);
        }),
    },
  );
  const renewed = tier.runToCompletion();
  await eventually("the commit", async () => (await redis.witness.get("sg:led")) === "1");
  await beatsAt(redis.witness, leadershipKeys(client).leader("texts"));
  expect(led.map(({ signal }) => signal.aborted)).toEqual([false]);
  await tier.shutdown();
  expect(await renewed).toMatchObject({ outcome: "shutdown", failures: [] });
  client.disconnect();
});

describe("leadership on Redis", () => {
  it("of many candidates one leads, and when it resigns another does, under a larger token", async () => {
    const all = [candidate(), candidate(), candidate()];
    const first = await eventually("a leader", () => all.find(({ leads }) => leads()));
    expect(all.filter(({ leads }) => leads())).toHaveLength(1);
    await first.tier.shutdown();
    const second = await eventually("the next one", () => all.find(({ leads }) => leads()));
    expect(second).not.toBe(first);
    expect(second.terms[0]!.fence).toBeGreaterThan(first.terms[0]!.fence);
  });

  it("a lock that was taken away ends the term at the next renewal, and the task's signal aborts", async () => {
    const only = candidate();
    await eventually("the lead", only.leads);
    await redis.witness.set(lock(), "another");
    await eventually("the term's end", () => only.terms[0]!.signal.aborted);
    await redis.witness.del(lock());
    await eventually("another term", only.leads);
    const [first, second] = only.terms as [Term, Term];
    expect(second.fence).toBeGreaterThan(first.fence);
    expect(about(only.facts)).toEqual([
      { type: "leadership.gained", name: "test", fence: first.fence },
      { type: "leadership.lost", name: "test", fence: first.fence, reason: "the lock was no longer ours" },
      { type: "leadership.gained", name: "test", fence: second.fence },
    ]);
  });

  it("a leader stops by its own clock while Redis does not answer", async () => {
    const only = candidate(untilAborted, quick);
    await eventually("the lead", only.leads);
    redis.freeze();
    try {
      await eventually("the term's end, with Redis still frozen", () => only.terms[0]!.signal.aborted);
    } finally {
      redis.thaw();
    }
  });

  it("a task that returns ends the leadership, and the lock is deleted", async () => {
    const { report, facts, terms } = candidate(() => {});
    expect(await report).toMatchObject({ outcome: "completed", failures: [] });
    expect(about(facts).at(-1)).toEqual({ type: "leadership.released", name: "test", fence: terms[0]!.fence });
    expect(await redis.witness.exists(lock())).toBe(0);
  });

  it.each<[string, () => Promise<void>]>([
    ["rejects", () => Promise.reject(new Error("the task broke"))],
    [
      "throws",
      () => {
        throw new Error("the task broke");
      },
    ],
  ])("a task that %s fails the hook with its error, and the lock is deleted", async (_, task) => {
    const { report } = candidate(task);
    expect(await report).toMatchObject({ outcome: "failed", failures: [{ message: "run failed: the task broke" }] });
    expect(await redis.witness.exists(lock())).toBe(0);
  });

  it("a task that rejects with its signal's reason, or with any AbortError, has ended as asked", async () => {
    const abortion = [
      ({ signal }: Term) => aborted(signal).then(() => signal.throwIfAborted()),
      ({ signal }: Term) => aborted(signal).then(() => Promise.reject(new DOMException("asked", "AbortError"))),
    ];
    for (const task of abortion) {
      const { tier, leads } = candidate(task);
      await eventually("the lead", leads);
      expect(await tier.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    }
  });

  it("a task that ignores its signal is a failure of the hook, and does not hold the stop", async () => {
    const rude = candidate(hangs, { ...lasting, yieldTimeoutMs: 100 });
    await eventually("the lead", () => rude.terms[0]);
    const { failures } = await rude.tier.shutdown();
    expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining("within yieldTimeoutMs") })]);
    expect(rude.terms[0]!.signal.aborted).toBe(true);
  });

  it("the token grows across a flush", async () => {
    const only = candidate();
    await eventually("the lead", only.leads);
    await redis.witness.flushall();
    await eventually("another term", () => only.terms[1]);
    expect(only.terms[1]!.fence).toBeGreaterThan(only.terms[0]!.fence);
  });

  it("options that contradict each other fail the hook before Redis is asked", async () => {
    const tier = new TestTier(options(), {
      run: (context) => lead(context, { name: "a:b", times: { lockTtlMs: 10 }, holdr: "me" } as never, () => {}),
    });
    const { failures } = await tier.runToCompletion();
    expect(failures).toEqual([
      expect.objectContaining({
        code: "SG_ERR_RUN_FAILED",
        message: expect.stringMatching(/unknown option 'holdr' \(did you mean holder\?\); name must .*lockTtlMs/),
      }),
    ]);
    expect(await redis.witness.keys("sg:leader:*")).toEqual([]);
  });
});

describe("F35: commits of a term", () => {
  const write = (term: Term) => term.commit(["sg:work"], [["SET", "sg:work", term.fence]]);

  it("are written while the term lasts, and refused once another leader was elected", async () => {
    const only = candidate();
    await eventually("the lead", only.leads);
    const [term] = only.terms as [Term];
    await write(term);
    expect(await redis.witness.get("sg:work")).toBe(String(term.fence));
    await redis.witness.incr(leadershipKeys(redis.witness).leaderFence("test"));
    await expect(write(term)).rejects.toThrow("the term of 'test' is over");
  });

  it("rest on a value: they are refused where it has changed, so one whose answer was lost is carried out once", async () => {
    const only = candidate();
    await eventually("the lead", only.leads);
    const [term] = only.terms as [Term];
    const once = (value: number) =>
      term.commit(
        ["sg:work"],
        [
          ["HINCRBY", "sg:work", "times", 1],
          ["SET", "sg:turn", value + 1],
        ],
        { key: "sg:turn", value: String(value) },
      );
    await once(0);
    await expect(once(0)).rejects.toThrow("the value of sg:turn has changed");
    await once(1);
    expect([await redis.witness.hget("sg:work", "times"), await redis.witness.get("sg:turn")]).toEqual(["2", "2"]);
  });

  it("are refused once the lead was given up, also where the signal is not looked at", async () => {
    const only = candidate();
    await eventually("the lead", only.leads);
    const [{ fence }] = only.terms as [Term];
    const late = { name: "test", fence, keys: ["sg:work"], commands: [["SET", "sg:work", "late"]] };
    expect(await commitFenced(redis.witness, late)).toBe(true);
    await only.tier.shutdown();
    expect(await commitFenced(redis.witness, late)).toBe(false);
  });

  it("are refused once a lead whose lock has expired was given up", async () => {
    const held = new AbortController();
    const only = candidate(() => aborted(held.signal), still);
    await eventually("the lead", only.leads);
    const [{ fence }] = only.terms as [Term];
    const late = { name: "test", fence, keys: ["sg:work"], commands: [["SET", "sg:work", "late"]] };
    await redis.witness.del(lock());
    held.abort();
    await only.report;
    expect(about(only.facts).at(-1)).toMatchObject({ type: "leadership.lost", fence });
    expect(await commitFenced(redis.witness, late)).toBe(false);
  });

  it("of a newer leader are accepted still after an older one was given up", async () => {
    const held = new AbortController();
    const old = candidate(() => aborted(held.signal), still);
    await eventually("the lead", old.leads);
    const { leaderFence } = leadershipKeys(redis.witness);
    const newer = String(old.terms[0]!.fence + 5);
    await redis.witness.mset(lock(), "another", leaderFence("test"), newer);
    held.abort();
    await old.report;
    expect(about(old.facts).at(-1)).toMatchObject({ type: "leadership.lost", reason: "the lock was no longer ours" });
    expect(await redis.witness.mget(lock(), leaderFence("test"))).toEqual(["another", newer]);
  });

  it("are refused once the lead was given up, also where Redis was flushed meanwhile", async () => {
    const held = new AbortController();
    const only = candidate(() => aborted(held.signal), still);
    await eventually("the lead", only.leads);
    const [{ fence }] = only.terms as [Term];
    await redis.witness.flushall();
    held.abort();
    await only.report;
    expect(await commitFenced(redis.witness, { name: "test", fence, keys: ["a"], commands: [["SET", "a", "late"]] })).toBe(false);
  });

  it("are not sent once the term's signal has aborted", async () => {
    const only = candidate();
    await eventually("the lead", only.leads);
    await only.tier.shutdown();
    const [term] = only.terms as [Term];
    await expect(write(term)).rejects.toBe(term.signal.reason);
    expect(await redis.witness.exists("sg:work")).toBe(0);
  });

  it("are written all or not at all", async () => {
    const { leaderFence } = leadershipKeys(redis.witness);
    await redis.witness.set(leaderFence("test"), "20");
    const commit = (fence: number, value: string) =>
      commitFenced(redis.witness, {
        name: "test",
        fence,
        keys: ["a", "b"],
        commands: [
          ["SET", "a", value],
          ["HSET", "b", "field", value],
        ],
      });
    expect(await commit(20, "current")).toBe(true);
    expect(await commit(19, "older")).toBe(false);
    expect([await redis.witness.get("a"), await redis.witness.hget("b", "field")]).toEqual(["current", "current"]);
  });
});

describe("a leader that gives up", () => {
  it("renews the lock until its task has ended, so that no other leads beside it", async () => {
    const held = new AbortController();
    const first = candidate(() => aborted(held.signal));
    await eventually("the lead", first.leads);
    const second = candidate();
    const stop = first.tier.shutdown();
    await eventually("the abort", () => first.terms[0]!.signal.aborted);
    await beatsAt(redis.witness, lock(), 3);
    expect(second.terms).toHaveLength(0);
    held.abort();
    await stop;
    await eventually("the next leader", second.leads);
    expect(about(first.facts).map(({ type }) => type)).toEqual(["leadership.gained", "leadership.released"]);
  });

  it("is reported as abandoned where the drain's deadline cuts it off, and its task is aborted", async () => {
    const only = candidate(hangs, lasting, { drainTimeoutMs: 50 });
    await eventually("the lead", only.leads);
    const { failures } = await only.tier.shutdown();
    const [{ fence }] = only.terms as [Term];
    expect(failures.map(({ code }) => code)).toEqual(["SG_ERR_DRAIN_TIMEOUT"]);
    expect(about(only.facts)).toEqual([
      { type: "leadership.gained", name: "test", fence },
      {
        type: "leadership.abandoned",
        name: "test",
        fence,
        reason: "the drain's deadline passed before the leadership had ended",
      },
    ]);
    expect(await redis.witness.exists(lock())).toBe(1);
  });
});

describe("a chart that a hook spawns", () => {
  const spawned = async (logic: Companion["logic"]) => {
    const outcomes: unknown[] = [];
    const tier = new TestTier(options(), {
      run: (context) =>
        context.spawn({ name: "brief", logic, input: {} }).then(
          () => void outcomes.push("resolved"),
          (error: unknown) => void outcomes.push(error),
        ),
    });
    expect(await tier.runToCompletion()).toMatchObject({ outcome: "completed", failures: [] });
    return outcomes;
  };

  it("resolves where it ends as it starts", async () => {
    expect(await spawned(setup({}).createMachine({ initial: "over", states: { over: { type: "final" } } }))).toEqual([
      "resolved",
    ]);
  });

  it("rejects with the chart's failure where it fails as it starts", async () => {
    const broken = new Error("the chart broke at once");
    const logic = fromCallback(() => {
      throw broken;
    });
    expect(await spawned(logic)).toEqual([broken]);
  });

  it("in any number adds no listener to the signal of the hook", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on("warning", onWarning);
    try {
      const tier = new TestTier(options(), {
        run: async (context) => {
          const names = Array.from({ length: 20 }, (_, at) => `many${at}`);
          await Promise.all(names.map((name) => lead(context, { name, times: lasting }, untilAborted)));
        },
      });
      void tier.runToCompletion();
      await eventually("every lead", () => tier.status().leaderships.filter(({ state }) => state === "leader").length === 20);
      expect(await tier.shutdown()).toMatchObject({ failures: [] });
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off("warning", onWarning);
    }
    expect(warnings).toEqual([]);
  });
});

describe("a leadership inside its service", () => {
  it("is in status(): name, state, fence and since; one that has ended is not", async () => {
    const stop = new AbortController();
    const tier = new TestTier(options(), {
      run: async (context) => {
        await lead(context, { name: "test", times: lasting }, () => aborted(stop.signal));
        await aborted(context.signal);
      },
    });
    tiers.push(tier);
    expect(tier.status().leaderships).toEqual([]);
    void tier.runToCompletion();
    const [leading] = await eventually(
      "the lead",
      () => tier.status().leaderships[0]?.state === "leader" && tier.status().leaderships,
    );
    expect(leading).toEqual({ name: "test", state: "leader", fence: expect.any(Number), since: expect.any(Number), trouble: "" });
    stop.abort();
    await eventually("its end", () => tier.status().leaderships.length === 0);
    expect(tier.state).toBe("running");
  });

  it("is in status() as a follower, without a fence, while another instance leads", async () => {
    const leader = candidate();
    await eventually("the lead", leader.leads);
    const { tier } = candidate();
    const seen = () => tier.status().leaderships[0];
    await eventually("a follower", () => seen()?.state === "follower");
    expect(seen()).toMatchObject({ name: "test", fence: null });
  });

  it("is seen by an inspector of the service, under its own id", async () => {
    const ids = new Set<string>();
    const only = candidate();
    only.tier.actor.inspect(({ actorRef }) => void ids.add((actorRef as unknown as { id: string }).id));
    await eventually("the lead", only.leads);
    expect([...ids]).toEqual(expect.arrayContaining(["companion.leadership.test.1", "leadTask"]));
  });

  it("is in the flight recording, whose replay takes the same path", async () => {
    const only = candidate();
    await eventually("the lead", only.leads);
    await only.tier.shutdown();
    const flight = parseFlight(JSON.stringify(only.tier.flight()), "memory");
    const facts = flight.entries.flatMap((entry) => (entry.kind === "fact" ? [entry.fact] : []));
    const [{ fence }] = only.terms as [Term];
    expect(rerun(flight)).toEqual({ same: true });
    expect(storyOf(flight).map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        "companion.spawn (leadership.test)",
        "leadership.gained (test)",
        "leadership.released (test)",
        "companion.leadership.test.1 done",
      ]),
    );
    expect(JSON.stringify(flight)).not.toContain("takeLead");
    expect(facts.filter(({ type }) => type.startsWith("leadership."))).toEqual([
      { type: "leadership.gained", name: "test", fence },
      { type: "leadership.released", name: "test", fence },
    ]);
  });

  it("that onStart begins without awaiting it lasts until the drain, which waits for it", async () => {
    const steps: string[] = [];
    const tier = new TestTier(options(), {
      onStart: (context) => {
        void lead(context, { name: "test", times: lasting }, async ({ signal }) => {
          steps.push("leads");
          await aborted(signal);
          await new Promise((resolve) => setImmediate(resolve));
          steps.push("ended");
        });
      },
      run: async ({ signal }) => {
        await aborted(signal);
        steps.push("run ended");
      },
      onStop: () => void steps.push("onStop"),
    });
    void tier.runToCompletion();
    await eventually("the lead", () => steps.length > 0 && tier.state === "running");
    expect(await tier.shutdown()).toMatchObject({ failures: [] });
    expect([steps[0], steps.at(-1), [...steps].sort()]).toEqual(["leads", "onStop", ["ended", "leads", "onStop", "run ended"]]);
    expect(await redis.witness.exists(lock())).toBe(0);
  });

  it("cannot begin once the drain has begun: lead rejects with the signal's reason, and nothing is spawned", async () => {
    const rejections: unknown[] = [];
    const tier = new TestTier(options(), {
      run: async (context) => {
        await aborted(context.signal);
        await lead(context, { name: "test" }, hangs).catch((error: unknown) => rejections.push(error === context.signal.reason));
      },
      onStop: (context) =>
        lead(context, { name: "test" }, hangs).then(
          () => {},
          (error: Error) => void rejections.push(error.name),
        ),
    });
    void tier.runToCompletion();
    await tier.waitFor("running");
    expect(await tier.shutdown()).toMatchObject({ failures: [] });
    expect(rejections).toEqual([true, "AbortError"]);
    expect(await redis.witness.exists(lock())).toBe(0);
  });

  it("two of one name are two candidates: one leads, the other follows", async () => {
    const fences: number[] = [];
    const tier = new TestTier(options(), {
      run: async (context) => {
        const task = ({ fence, signal }: Term) => {
          fences.push(fence);
          return aborted(signal);
        };
        await Promise.all([1, 2].map(() => lead(context, { name: "test", times: lasting }, task)));
      },
    });
    tiers.push(tier);
    void tier.runToCompletion();
    const states = () => tier.status().leaderships.map(({ state }) => state);
    await eventually("a leader and a follower", () => states().sort().join() === "follower,leader");
    expect(fences).toHaveLength(1);
  });

  it("whose chart fails rejects in the hook that awaits it, and the service stops in order", async () => {
    const tier = new TestTier(options(), {
      run: (context) =>
        context.spawn({
          name: "broken",
          logic: fromPromise(() => Promise.reject(new Error("the chart broke"))),
          input: {},
        }),
    });
    expect(await tier.runToCompletion()).toMatchObject({
      outcome: "failed",
      reason: "run failed",
      failures: [{ message: "run failed: the chart broke" }],
    });
    expect(tier.calls).toEqual(["onStart", "run", "onStop"]);
  });
});

/* ---- real processes ---- */
const program = fileURLToPath(new URL("../fixtures/leader.mjs", import.meta.url));
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});
const fork = (holder: string) => {
  const child = spawn(process.execPath, [program, redis.url, holder], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const lines: { type: string; fence?: number }[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => lines.push(JSON.parse(line)));
  return { child, lines, wrote: (type: string) => lines.find((line) => line.type === type) };
};

describe("leaders that are processes", () => {
  it("a leader that is killed is followed by another, under a larger token", async () => {
    const first = fork("first");
    const before = await eventually("the first leads", () => first.wrote("leads"));
    const second = fork("second");
    first.child.kill("SIGKILL");
    const after = await eventually("the second leads", () => second.wrote("leads"));
    expect(after.fence).toBeGreaterThan(before.fence!);
  });

  it("a leader that was paused past its lock cannot commit, and ends its term when it goes on", async () => {
    const first = fork("first");
    const before = await eventually("the first leads", () => first.wrote("leads"));
    first.child.kill("SIGSTOP");
    const second = fork("second");
    const after = await eventually("the second leads", () => second.wrote("leads"));
    const late = { name: "test", keys: ["sg:work"], commands: [["SET", "sg:work", "late"]] };
    expect(await commitFenced(redis.witness, { ...late, fence: before.fence! })).toBe(false);
    expect(await commitFenced(redis.witness, { ...late, fence: after.fence! })).toBe(true);
    first.child.kill("SIGCONT");
    await eventually("the first ends its term", () => first.wrote("ended"));
  });

  it("a leader that gets SIGTERM deletes its lock before it exits, and another leads", async () => {
    const first = fork("first");
    await eventually("the first leads", () => first.wrote("leads"));
    first.child.kill("SIGTERM");
    const [code] = await once(first.child, "exit");
    expect([code, first.lines.at(-1)?.type]).toEqual([0, "resigned"]);
    expect(await redis.witness.exists(lock())).toBe(0);
    const second = fork("second");
    await eventually("the second leads", () => second.wrote("leads"));
  });
});
