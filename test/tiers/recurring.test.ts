/** A recurring job: when it is due, what a failed pass does, and that nothing of it outlives its signal. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServiceFact } from "../../src/index.ts";
import { timeOf } from "../../src/redis/time.ts";
import { tierKeys } from "../../src/tiers/keys.ts";
import type { Job, RecurringJob } from "../../src/tiers/recurring.ts";
import { runRecurring } from "../../src/tiers/recurring.ts";
import { hourMs, hoursOf } from "../kit/hours.ts";
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

const tiers: TestTier[] = [];
afterEach(async () => {
  redis.thaw();
  await Promise.all(tiers.splice(0).map((tier) => tier.shutdown()));
});

interface Recurring {
  readonly tier: TestTier;
  readonly jobs: readonly Job[];
  readonly logged: readonly Record<string, unknown>[];
  readonly facts: readonly ServiceFact[];
  /** whether `run` has ended */
  hasEnded(): boolean;
}

/** A service whose `run` is a recurring job. */
const recurring = (work: RecurringJob["work"], everyMs = 60_000): Recurring => {
  const jobs: Job[] = [];
  const logged: Record<string, unknown>[] = [];
  const facts: ServiceFact[] = [];
  const note = (entry: object) => void logged.push(entry as Record<string, unknown>);
  const logger = { debug: note, info: note, warn: note, error: note };
  const noted = (job: Job) => {
    jobs.push(job);
    return work(job);
  };
  let ended = false;
  const tier = new TestTier(
    { redis: redis.url, useHealthServer: false, registerTimeoutMs: 50, logger },
    {
      run: (context) =>
        runRecurring(context, { name: "test", holder: "test", everyMs, work: noted }).finally(() => {
          ended = true;
        }),
    },
  );
  tier.onFact((fact) => void facts.push(fact));
  tiers.push(tier);
  void tier.runToCompletion();
  return { tier, jobs, logged, facts, hasEnded: () => ended };
};
const doneAt = () => redis.witness.get(tierKeys(redis.witness).jobDone("test"));
/** how often Redis was asked how long a key lives */
const timesAsked = async () => Number(/cmdstat_pttl:calls=(\d+)/.exec(await redis.witness.info("commandstats"))?.[1] ?? 0);
const typesOf = ({ logged }: Recurring) => logged.map(({ type }) => type);
const increment = (job: Job) => job.commit(["sg:count"], [["HINCRBY", "sg:count", "passes", 1]]);

describe("a recurring job", () => {
  it("writes the time of its pass with what it commits, and waits until it is due again", async () => {
    const first = recurring(increment);
    await eventually("a pass", () => typesOf(first).includes("job.done"));
    expect(await doneAt()).toBe(String(first.jobs[0]!.now));
    await first.tier.shutdown();
    const second = recurring(increment);
    await eventually("another leader", () => second.facts.some(({ type }) => type === "leadership.gained"));
    await second.tier.shutdown();
    expect([second.jobs.length, await redis.witness.hget("sg:count", "passes")]).toEqual([0, "1"]);
  });

  it("is due by the clock of Redis: another leader, whose wall clock is an hour ahead, waits too", async () => {
    const first = recurring(increment);
    await eventually("a pass", () => typesOf(first).includes("job.done"));
    await first.tier.shutdown();
    const { now } = Date;
    const asked = await timesAsked();
    vi.spyOn(Date, "now").mockImplementation(() => now() + 3_600_000);
    const second = recurring(increment);
    await eventually("another leader asks when it is due", async () => (await timesAsked()) > asked);
    await second.tier.shutdown();
    vi.restoreAllMocks();
    expect([second.jobs.length, await redis.witness.hget("sg:count", "passes")]).toEqual([0, "1"]);
  });

  it("F39: has the time of Redis, whatever the wall clock of its leader shows", async () => {
    const { now } = Date;
    vi.spyOn(Date, "now").mockImplementation(() => now() + hourMs);
    const first = recurring(increment);
    await eventually("a pass", () => typesOf(first).includes("job.done"));
    vi.restoreAllMocks();
    expect(hoursOf(first.jobs[0]!.now + 2 * hourMs - (await timeOf(redis.witness)))).toBe(2);
  });

  it("is done again when it is due, and at once where the last time lies in the future", async () => {
    await redis.witness.set(tierKeys(redis.witness).jobDone("test"), Date.now() + 86_400_000);
    const job = recurring(increment, 20);
    await eventually("three passes", () => job.jobs.length >= 3);
  });

  it("a pass that fails is logged with its reason, and the next one is made when it is due", async () => {
    const job = recurring(() => Promise.reject(new Error("no luck")), 20);
    await eventually("two passes", () => job.jobs.length >= 2);
    expect(job.logged).toContainEqual({ type: "job.failed", job: "test", reason: "no luck" });
    expect(await doneAt()).toBeNull();
  });

  it("a part of a pass is written without the time of the pass, which comes with the last one", async () => {
    const seen: (string | null)[] = [];
    const job = recurring(async (pass) => {
      await pass.commit(["sg:count"], [["HINCRBY", "sg:count", "passes", 1]], { isPart: true });
      seen.push(await doneAt());
      await increment(pass);
    });
    await eventually("the pass", () => typesOf(job).includes("job.done"));
    expect([seen, await doneAt()]).toEqual([[null], String(job.jobs[0]!.now)]);
    expect(await redis.witness.hget("sg:count", "passes")).toBe("2");
  });

  it("a commit is refused where one of an earlier pass was carried out after this pass had begun", async () => {
    const { jobRevision } = tierKeys(redis.witness);
    const job = recurring(async (pass) => {
      // as a commit whose answer was lost would
      if (job.jobs.length === 1) await redis.witness.incr(jobRevision("test"));
      await increment(pass);
    }, 20);
    await eventually("a pass after the refused one", () => typesOf(job).includes("job.done"));
    await job.tier.shutdown();
    expect(job.logged.find(({ type }) => type === "job.failed")?.reason).toContain("has changed");
    expect(Number(await redis.witness.get(jobRevision("test")))).toBe(Number(await redis.witness.hget("sg:count", "passes")) + 1);
  });

  it("a commit of a term that is over is refused, and the pass fails", async () => {
    const job = recurring(async (pass) => {
      await pass.ask((client) => client.incr("sg:leader:fence:test"));
      await increment(pass);
    });
    await eventually("the pass fails", () => typesOf(job).includes("job.failed"));
    expect([await redis.witness.exists("count"), await doneAt()]).toEqual([0, null]);
  });
});

describe("when the signal aborts, run ends at once", () => {
  /** Stops the tier: `run` has ended one turn after its signal aborted, and so without an answer of a frozen Redis. */
  const stopsAtOnce = async ({ tier, hasEnded }: Recurring): Promise<void> => {
    let draining = false;
    tier.actor.subscribe(() => {
      draining ||= tier.status().path === "stopping.draining";
    });
    const stopped = tier.shutdown();
    await eventually("the drain", () => draining);
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasEnded()).toBe(true);
    redis.thaw();
    expect(await stopped).toMatchObject({ outcome: "shutdown", failures: [] });
  };

  it("while a pass does not end", async () => {
    const job = recurring(hangs);
    await eventually("a pass", () => job.jobs[0]);
    await stopsAtOnce(job);
    expect(job.jobs[0]!.signal.aborted).toBe(true);
  });

  it("while Redis does not answer the pass, whose later commands are not sent", async () => {
    const rejections: unknown[] = [];
    const job = recurring(async (pass) => {
      redis.freeze();
      await pass.ask((client) => client.get("anything")).catch((error: unknown) => rejections.push(error));
      await increment(pass).catch((error: unknown) => rejections.push(error));
      await pass.ask((client) => client.incr("count")).catch((error: unknown) => rejections.push(error));
    });
    await eventually("a pass", () => job.jobs[0]);
    await stopsAtOnce(job);
    const { reason } = job.jobs[0]!.signal;
    expect(rejections).toEqual([reason, reason, reason]);
    expect([await redis.witness.exists("count"), await doneAt()]).toEqual([0, null]);
  });

  it("while a commit has no answer", async () => {
    const ends: unknown[] = [];
    const job = recurring(async (pass) => {
      redis.freeze();
      await increment(pass).catch((error: unknown) => ends.push(error));
    });
    await eventually("a pass", () => job.jobs[0]);
    await stopsAtOnce(job);
    expect(ends).toEqual([job.jobs[0]!.signal.reason]);
  });

  it("while it waits until it is due, and while another instance leads", async () => {
    const leader = recurring(increment);
    await eventually("a pass", () => typesOf(leader).includes("job.done"));
    const follower = recurring(increment);
    await eventually("a follower", () => follower.tier.status().leaderships[0]?.state === "follower");
    await stopsAtOnce(follower);
    await stopsAtOnce(leader);
    expect(follower.jobs).toEqual([]);
  });

  it("and not before", async () => {
    const job = recurring(({ signal }) => aborted(signal));
    await eventually("a pass", () => job.jobs[0]);
    expect([job.hasEnded(), job.tier.state]).toEqual([false, "running"]);
  });
});
