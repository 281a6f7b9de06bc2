/** Exactly one of all leads, and one that was replaced cannot write. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commitFenced } from "../../src/leadership/commit.ts";
import { leadershipKeys } from "../../src/leadership/keys.ts";
import type { Term } from "../../src/leadership/leader.ts";
import { Leadership } from "../../src/leadership/leader.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const quick = {
  leadTtlMs: 600,
  leadMarginMs: 100,
  renewMs: 150,
  renewRetryMs: 30,
  pollMs: 50,
  askTimeoutMs: 200,
  yieldTimeoutMs: 500,
};
const untilAborted = ({ signal }: Term): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

const stops: AbortController[] = [];
const running: Promise<unknown>[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await Promise.allSettled(running.splice(0));
});

/** A candidate in this process; `terms` are those it has led, in order. */
const candidate = (holder: string, { client = redis.witness, task = untilAborted } = {}) => {
  const stop = new AbortController();
  const terms: Term[] = [];
  const lead = new Leadership({ redis: client, name: "test", holder, times: quick });
  const ended = lead.lead(
    (term) => {
      terms.push(term);
      return task(term);
    },
    { signal: stop.signal },
  );
  ended.catch(() => {});
  stops.push(stop);
  running.push(ended);
  return { terms, ended, stop: () => stop.abort(), leads: () => terms.some(({ signal }) => !signal.aborted) };
};

describe("leadership on Redis", () => {
  it("of many candidates one leads, and when it resigns another does, under a larger token", async () => {
    const all = ["a", "b", "c"].map((holder) => candidate(holder));
    const first = await eventually("a leader", () => all.find(({ leads }) => leads()));
    expect(all.filter(({ leads }) => leads())).toHaveLength(1);
    first!.stop();
    await first!.ended;
    const second = await eventually("the next one", () => all.find(({ leads }) => leads()));
    expect(second).not.toBe(first);
    expect(second!.terms[0]!.fence).toBeGreaterThan(first!.terms[0]!.fence);
  });

  it("gives the lock back when it ends, and leaves the client open", async () => {
    const only = candidate("a");
    await eventually("the lead", only.leads);
    only.stop();
    await only.ended;
    expect(await redis.witness.exists(leadershipKeys(redis.witness).leader("test"))).toBe(0);
    expect(await redis.witness.ping()).toBe("PONG");
  });

  it("a lock that somebody took away ends the term at the next renewal, and the task is told", async () => {
    const only = candidate("a");
    await eventually("the lead", only.leads);
    await redis.witness.set(leadershipKeys(redis.witness).leader("test"), "somebody else", "PX", 300);
    await eventually("the term's end", () => only.terms[0]!.signal.aborted);
    await eventually("another term", only.leads);
    expect(only.terms[1]!.fence).toBeGreaterThan(only.terms[0]!.fence);
  });

  it("steps down by its own clock before the lock can have expired, when Redis does not answer", async () => {
    const only = candidate("a");
    await eventually("the lead", only.leads);
    redis.freeze();
    const frozenAt = performance.now();
    try {
      await eventually("the term's end", () => only.terms[0]!.signal.aborted);
      expect(performance.now() - frozenAt).toBeLessThan(quick.leadTtlMs);
    } finally {
      redis.thaw();
    }
  });

  it("a task that returns ends the leadership; what it throws comes out, with the lock given back", async () => {
    await candidate("a", { task: async () => {} }).ended;
    const thrown = new Error("the task broke");
    await expect(candidate("b", { task: () => Promise.reject(thrown) }).ended).rejects.toBe(thrown);
    expect(await redis.witness.exists(leadershipKeys(redis.witness).leader("test"))).toBe(0);
  });

  it("a task that does not heed its signal is named, not waited for", async () => {
    const rude = candidate("a", { task: () => new Promise(() => {}) });
    await eventually("the lead", () => rude.terms[0]);
    rude.stop();
    await expect(rude.ended).rejects.toThrow("outlived yieldTimeoutMs");
  });

  it("the token grows across a flush", async () => {
    const only = candidate("a");
    await eventually("the lead", only.leads);
    await redis.witness.flushall();
    await eventually("another term", () => only.terms[1]);
    expect(only.terms[1]!.fence).toBeGreaterThan(only.terms[0]!.fence);
  });

  it("work of an older token is refused, all of it", async () => {
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
  const said: { type: string; fence?: number }[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => said.push(JSON.parse(line)));
  return { child, said, heard: (type: string) => said.find((fact) => fact.type === type) };
};

describe("leaders that are processes", () => {
  it("a leader that is killed is followed within the lock's life and a poll", { timeout: 20_000 }, async () => {
    const first = fork("first");
    const before = await eventually("the first leads", () => first.heard("leads"));
    const second = fork("second");
    first.child.kill("SIGKILL");
    const killedAt = performance.now();
    const after = await eventually("the second leads", () => second.heard("leads"), { timeoutMs: 8000 });
    expect(performance.now() - killedAt).toBeLessThan(3000 + 1100 + 800);
    expect(after!.fence).toBeGreaterThan(before!.fence!);
  });

  it("a leader that was frozen past its lock is fenced before it writes, and ends its term", { timeout: 20_000 }, async () => {
    const first = fork("first");
    const before = await eventually("the first leads", () => first.heard("leads"));
    first.child.kill("SIGSTOP");
    const second = fork("second");
    const after = await eventually("the second leads", () => second.heard("leads"), { timeoutMs: 8000 });
    const late = { name: "test", keys: ["work"], commands: [["SET", "work", "late"]] };
    expect(await commitFenced(redis.witness, { ...late, fence: before!.fence! })).toBe(false);
    expect(await commitFenced(redis.witness, { ...late, fence: after!.fence! })).toBe(true);
    first.child.kill("SIGCONT");
    await eventually("the first ends its term", () => first.heard("ended"));
  });

  it("SIGTERM hands the lead over within a poll", { timeout: 20_000 }, async () => {
    const first = fork("first");
    await eventually("the first leads", () => first.heard("leads"));
    const second = fork("second");
    first.child.kill("SIGTERM");
    const [code] = await once(first.child, "exit");
    expect([code, first.said.at(-1)?.type]).toEqual([0, "resigned"]);
    const resignedAt = performance.now();
    await eventually("the second leads", () => second.heard("leads"));
    expect(performance.now() - resignedAt).toBeLessThan(2000);
  });
});
